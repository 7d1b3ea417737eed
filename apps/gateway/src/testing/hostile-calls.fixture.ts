import { MAX_BODY_BYTES } from '@v3vee/contracts';
import {
  api,
  PACKAGE,
  rpcName,
  serviceDefinition,
  type Field,
  type Message,
  type Rpc,
  type Wire,
} from '@v3vee/grpc';
import fc from 'fast-check';
import { hostileText, type Known } from './hostile-values.fixture';

export interface HostileCall {
  rpc: string | undefined;
  path: string;
  headers: Record<string, string>;
  /** As they are put on the stream. */
  bytes: Buffer;
  /** What the client does next. */
  then: 'end' | 'reset';
}

const MAX_DEPTH = 4;
const numbers = fc.constantFrom(0, -1, 1, 64, 2 ** 31, -(2 ** 31), 2 ** 53, -(2 ** 53));
const values: fc.Arbitrary<unknown> = fc.oneof(
  hostileText.map(text => ({ string_value: text })),
  fc.constantFrom(
    ...[
      {},
      { null_value: 0 },
      { bool_value: true },
      { list_value: { values: [{}, {}] } },
      { list_value: {} },
    ],
    ...[NaN, Infinity, -0, 64, 1e308].map(number_value => ({ number_value })),
    { struct_value: { fields: { constructor: { number_value: 1 }, toString: {} } } },
  ),
);

function content({ type, name }: Field, known: Known, depth: number): fc.Arbitrary<unknown> {
  switch (type.kind) {
    case 'value':
      return values;
    case 'mask':
      return fc.array(hostileText, { maxLength: 3 }).map(paths => ({ paths }));
    case 'message':
      return message(type.message, known, depth + 1);
    default:
      if (type.scalar === 'bool') return fc.boolean();
      if (type.scalar === 'bytes') return fc.uint8Array({ maxLength: 64 }).map(bytes => Buffer.from(bytes));
      if (type.scalar === 'int64') return numbers;
      if (type.scalar === 'double') return fc.oneof(numbers, fc.constantFrom(NaN, Infinity, 5e-324));
      return fc.oneof(hostileText, fc.constant(known[name] ?? 'x'), fc.constant(known[name] ?? 'y'));
  }
}

function message({ fields }: Message, known: Known, depth = 0): fc.Arbitrary<Wire> {
  if (depth > MAX_DEPTH) return fc.constant({});
  const shape = fields.map(field => {
    const one = content(field, known, depth);
    const all =
      field.cardinality === 'repeated'
        ? fc.array(one, { maxLength: 3 })
        : field.cardinality === 'map'
          ? fc.dictionary(fc.oneof(hostileText, fc.constant('x')), one, { maxKeys: 2 })
          : one;
    return [field.proto, all] as const;
  });
  return fc.record(Object.fromEntries(shape), { requiredKeys: [] });
}

/** gRPC's frame: whether it is compressed, its length, its bytes. */
const frame = (bytes: Buffer, length = bytes.length, flag = 0): Buffer => {
  const head = Buffer.alloc(5);
  head[0] = flag;
  head.writeUInt32BE(length >>> 0, 1);
  return Buffer.concat([head, bytes]);
};

const framed = (bytes: fc.Arbitrary<Buffer>): fc.Arbitrary<Buffer> =>
  fc.oneof(
    { weight: 10, arbitrary: bytes.map(it => frame(it)) },
    fc.tuple(bytes, fc.nat(), fc.nat(255)).map(([it, at, value]) => {
      const changed = Buffer.from(it);
      if (changed.length > 0) changed[at % changed.length] = value;
      return frame(changed);
    }),
    fc.tuple(bytes, fc.nat(20)).map(([it, cut]) => frame(it.subarray(0, Math.max(0, it.length - cut - 1)))),
    fc.uint8Array({ maxLength: 100 }).map(it => frame(Buffer.from(it))),
    fc.uint8Array({ maxLength: 100 }).map(it => Buffer.from(it)),
    bytes.map(it => frame(it, it.length + 10)),
    bytes.map(it => frame(it, 0xffffffff)),
    bytes.map(it => frame(it, it.length, 1)),
    bytes.map(it => Buffer.concat([frame(it), frame(it), frame(it)])),
    fc.constant(frame(Buffer.alloc(MAX_BODY_BYTES * 2))),
    fc.constant(Buffer.alloc(0)),
  );

const odd = fc.constantFrom<Record<string, string>>(
  { 'content-type': 'text/plain' },
  { 'content-type': 'application/grpc+json' },
  { 'grpc-encoding': 'nonsense' },
  { 'grpc-encoding': 'gzip' },
  { 'grpc-timeout': 'x' },
  { 'grpc-timeout': '99999999H' },
  { 'x-bin': '!!! no base64 !!!' },
  { authorization: 'Bearer' },
  { authorization: `Bearer ${'x'.repeat(2_000)}` },
  { 'x-many': 'x'.repeat(10_000) },
);

/** Calls of each RPC with something wrong: values, bytes, frames, metadata, methods; and clients that vanish. */
export function hostileCalls(known: Known): fc.Arbitrary<HostileCall> {
  const rpcs = api().services.flatMap(service => service.rpcs.map(rpc => ({ service, rpc })));
  const one = ({ service, rpc }: (typeof rpcs)[number]): fc.Arbitrary<HostileCall> => {
    const path = `/${PACKAGE}.${service.name}/${rpcName(rpc)}`;
    const method = serviceDefinition(service)[rpcName(rpc)];
    const bytes = message(rpc.request, known).map(wire => method!.requestSerialize(wire));
    return fc.record({
      rpc: fc.constant<string | undefined>((rpc satisfies Rpc).name),
      path: fc.oneof(
        { weight: 20, arbitrary: fc.constant(path) },
        fc.constantFrom(`${path}x`, '/', '/x/y', '/v3vee.v1.Vms/'),
      ),
      headers: fc.oneof({ weight: 8, arbitrary: fc.constant<Record<string, string>>({}) }, odd),
      bytes: framed(bytes),
      then: fc.constantFrom('end', 'end', 'end', 'end', 'end', 'reset'),
    });
  };
  return fc.oneof(...rpcs.map(one));
}

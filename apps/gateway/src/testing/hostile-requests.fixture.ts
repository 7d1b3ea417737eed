import { gzipSync } from 'node:zlib';
import { MAX_BODY_BYTES } from '@v3vee/contracts';
import fc from 'fast-check';
import { openApiDocument } from '../docs/openapi';
import {
  fitting,
  hostileText,
  hostileValue,
  spoiled,
  type Known,
  type Schema,
} from './hostile-values.fixture';

export interface HostileRequest {
  method: string;
  /** As it is sent. */
  path: string;
  headers: Record<string, string>;
  body: Buffer | undefined;
}

interface Parameter {
  name: string;
  in: string;
  schema: Schema;
}
interface Operation {
  parameters?: Parameter[];
  requestBody?: { content: Record<string, { schema: Schema }> };
}
interface Document {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
}

/** In a path: as a browser would escape it, or as somebody who does not mean well. */
const segment = (name: string, known: Known): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 4, arbitrary: fc.constant(encodeURIComponent(known[name] ?? 'x')) },
    hostileText.map(escaped),
    fc.constantFrom(
      '%2e%2e%2f%2e%2e%2fetc%2fpasswd',
      '..%2f..%2f',
      '%00',
      '%zz',
      '%c0%af',
      '%ff',
      '%25%30%30',
      '..;',
    ),
    fc.constantFrom('a:b', ':start', 'x:export', '..', '.', '%2F', '%3F', '%23', 'x%0d%0aY:1'),
  );
/** A lone surrogate has no UTF-8, and so no escape. */
const escaped = (text: string): string => encodeURIComponent(Buffer.from(text).toString());

function queryOf(parameters: Parameter[], named: Document['components']['schemas'], known: Known) {
  const inQuery = parameters.filter(parameter => parameter.in === 'query');
  const names = inQuery.map(({ name }) => name);
  const value = (name: string): fc.Arbitrary<unknown> => {
    const schema = inQuery.find(parameter => parameter.name === name)?.schema;
    return schema ? fc.oneof(fitting(schema, named, known, name), hostileText) : hostileText;
  };
  const own = names.map(name => value(name).map(it => [name, it] as const));
  const any = fc.tuple(fc.oneof(hostileText, fc.constantFrom('a[b]', 'a[]', '__proto__[x]')), hostileText);
  return fc.array(fc.oneof(...own, any), { maxLength: 3 }).map(pairs => {
    const text = pairs.map(([name, it]) => `${escaped(name)}=${escaped(String(it))}`).join('&');
    return text === '' ? '' : `?${text}`;
  });
}

const json = (value: unknown): string => JSON.stringify(value) ?? '';

/** The text of a body, and what may be wrong with it as such. */
const bytesOf = (value: fc.Arbitrary<unknown>): fc.Arbitrary<Buffer> =>
  fc.oneof(
    { weight: 12, arbitrary: value.map(it => Buffer.from(json(it))) },
    fc.tuple(value, fc.nat(50)).map(([it, cut]) => Buffer.from(json(it).slice(0, -cut - 1))),
    fc.tuple(value, hostileText).map(([it, more]) => Buffer.from(json(it) + more)),
    value.map(it => Buffer.from(json(it).replace('{', '{"name":1,"name":{},"host":null,'))),
    value.map(it => Buffer.from(json(it), 'utf16le')),
    fc.uint8Array({ maxLength: 200 }).map(bytes => Buffer.from(bytes)),
    fc
      .constantFrom('{"a":'.repeat(20_000), '['.repeat(100_000), '"\\ud800"', '{"a":1e9999}', '')
      .map(text => Buffer.from(text)),
    fc.constant(Buffer.alloc(MAX_BODY_BYTES + 1, ' ')),
  );

const GZIPPED_BOMB = gzipSync(Buffer.alloc(50 * MAX_BODY_BYTES, ' '));

const headers: fc.Arbitrary<Record<string, string>> = fc.oneof(
  { weight: 8, arbitrary: fc.constant<Record<string, string>>({ 'content-type': 'application/json' }) },
  fc
    .constantFrom(
      ...[
        'text/plain',
        'application/xml',
        'multipart/form-data; boundary=x',
        'application/json; charset=utf-7',
      ],
      ...['application/json; charset=', '', ';;;', 'application/x-www-form-urlencoded', 'x'.repeat(2_000)],
    )
    .map((type): Record<string, string> => ({ 'content-type': type })),
  fc
    .constantFrom<Record<string, string>>(
      { 'content-encoding': 'gzip' },
      { 'content-encoding': 'br' },
      { 'content-encoding': 'nonsense' },
      { 'x-http-method-override': 'DELETE' },
      { accept: 'text/html', range: 'bytes=0-99999999999', 'if-none-match': '*' },
      { expect: 'nonsense' },
      { origin: 'null' },
      { cookie: 'token=x', 'x-forwarded-for': '127.0.0.1', 'x-original-url': '/v1/tokens' },
    )
    .map(more => ({ 'content-type': 'application/json', ...more })),
);

/** Requests to each address of the OpenAPI document with something wrong, by an administrator. */
export function hostileRequests(known: Known): fc.Arbitrary<HostileRequest> {
  const document = openApiDocument() as unknown as Document;
  const named = document.components.schemas;
  const addresses = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path,
      operation,
    })),
  );
  const one = ({ method, path, operation: { parameters = [], requestBody } }: (typeof addresses)[number]) => {
    const keys = [...path.matchAll(/\{(\w+)\}/g)].map(([, key]) => key as string);
    const schema = Object.values(requestBody?.content ?? {})[0]?.schema;
    const value = schema ? fitting(schema, named, known) : fc.constant({});
    return fc
      .record({
        method: fc.oneof(
          { weight: 12, arbitrary: fc.constant(method) },
          fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND'),
        ),
        segments: fc.tuple(...keys.map(key => segment(key, known))),
        query: fc.oneof({ weight: 2, arbitrary: fc.constant('') }, queryOf(parameters, named, known)),
        headers,
        body: bytesOf(fc.oneof({ weight: 6, arbitrary: spoiled(value) }, value, hostileValue)),
        tail: fc.oneof(
          { weight: 15, arbitrary: fc.constant('') },
          fc.constantFrom('/', '//', '/..', '/x', ':x', ';a=b'),
        ),
      })
      .map(({ segments, query, tail, body, ...rest }): HostileRequest => {
        const parts = [...segments];
        const filled = path.replace(/\{\w+\}/g, () => parts.shift() ?? '');
        const takesBody = requestBody !== undefined || !['GET', 'HEAD'].includes(rest.method);
        return { ...rest, path: `${filled}${tail}${query}`, body: takesBody ? body : undefined };
      });
  };
  const bomb = fc.constant<HostileRequest>({
    method: 'POST',
    path: '/v1/vms',
    headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
    body: GZIPPED_BOMB,
  });
  return fc.oneof(...addresses.map(address => ({ weight: 4, arbitrary: one(address) })), bomb);
}

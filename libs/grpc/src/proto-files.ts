import { defaultJsonName } from './names';
import {
  PACKAGE,
  rpcName,
  type Api,
  type Field,
  type FieldType,
  type Message,
  type Rpc,
  type Service,
} from './model';
import type { Numbers } from './numbers';

const HEADER =
  '// Made from the REST table (libs/contracts/src/rest.ts) by "npm run proto -w libs/grpc"; not to be edited.';
const TYPES = 'types.proto';

/** The proto files by name. @param numbers of all fields, from `numbered` */
export function protoFiles({ services, types }: Api, numbers: Numbers): Map<string, string> {
  const shared = new Set(types.map(({ name }) => name));
  const writer = new Writer(numbers);
  const files = new Map([
    [
      TYPES,
      file(
        [],
        types.map(message => writer.message(message)),
      ),
    ],
  ]);
  for (const service of services) {
    const own = new Map<string, Message>();
    for (const { request, response } of service.rpcs)
      for (const message of [request, response])
        if (!shared.has(message.name)) own.set(message.name, message);
    const parts = [serviceText(service), ...[...own.values()].map(message => writer.message(message))];
    files.set(`${service.tag}.proto`, file([`v3vee/v1/${TYPES}`], parts));
  }
  return files;
}

function file(imports: string[], parts: string[]): string {
  const body = parts.join('\n\n');
  const wellKnown = [
    ...(body.includes('google.protobuf.FieldMask') ? ['google/protobuf/field_mask.proto'] : []),
    ...(body.includes('google.protobuf.Value') ? ['google/protobuf/struct.proto'] : []),
  ];
  const needed = [...wellKnown, ...imports].map(path => `import "${path}";\n`).join('');
  return `${HEADER}\nsyntax = "proto3";\n\npackage ${PACKAGE};\n\n${needed && `${needed}\n`}${body}\n`;
}

function serviceText({ name, rpcs }: Service): string {
  const methods = new Set(rpcs.map(rpcName));
  // In a service a method's name comes before a message's.
  const reference = (message: Message) =>
    methods.has(message.name) ? `.${PACKAGE}.${message.name}` : message.name;
  return `service ${name} {\n${rpcs.map(rpc => rpcText(rpc, reference)).join('\n')}\n}`;
}

function rpcText(rpc: Rpc, reference: (message: Message) => string): string {
  const inward = rpc.kind === 'upload' || rpc.kind === 'console' ? 'stream ' : '';
  const outward = rpc.kind === 'download' || rpc.kind === 'console' ? 'stream ' : '';
  const [takes, answers] = [rpc.request, rpc.response].map(reference);
  const signature = `rpc ${rpcName(rpc)}(${inward}${takes}) returns (${outward}${answers});`;
  return `${comment(rpc.summary, '  ')}  ${signature}`;
}

class Writer {
  constructor(private readonly numbers: Numbers) {}

  message(message: Message, indent = ''): string {
    const numbers = this.numbers[message.name] ?? {};
    const inner = `${indent}  `;
    const present = new Set(message.fields.map(({ proto }) => proto));
    const gone = Object.entries(numbers).filter(([name]) => !present.has(name));
    const lines = message.fields.map(field => {
      const json = defaultJsonName(field.proto) === field.name ? '' : ` [json_name = "${field.name}"]`;
      const left = `${typeName(field)} ${field.proto}`;
      return `${comment(field.comment, inner)}${inner}${left} = ${numbers[field.proto]}${json};`;
    });
    const reserved = gone.length
      ? [
          `${inner}reserved ${gone.map(([, number]) => number).join(', ')};`,
          `${inner}reserved ${gone.map(([name]) => `"${name}"`).join(', ')};`,
        ]
      : [];
    const nested = message.nested.map(each => this.message(each, inner));
    const name = message.name.split('.').at(-1);
    const content = [...nested, ...reserved, ...lines];
    return content.length === 0
      ? `${comment(message.comment, indent)}${indent}message ${name} {}`
      : `${comment(message.comment, indent)}${indent}message ${name} {\n${content.join('\n')}\n${indent}}`;
  }
}

function comment(text: string, indent: string): string {
  return text && `${indent}// ${text.replaceAll(/\s+/g, ' ')}\n`;
}

/** As in a proto file: `optional int64`, `repeated Nic`, `map<string, string>`. */
function typeName({ type, cardinality }: Pick<Field, 'type' | 'cardinality'>): string {
  const bare = bareName(type);
  if (cardinality === 'map') return `map<string, ${bare}>`;
  if (cardinality === 'repeated') return `repeated ${bare}`;
  return type.kind === 'scalar' ? `optional ${bare}` : bare;
}

function bareName(type: FieldType): string {
  switch (type.kind) {
    case 'scalar':
      return type.scalar;
    case 'message':
      return type.message.name;
    case 'value':
      return 'google.protobuf.Value';
    case 'mask':
      return 'google.protobuf.FieldMask';
  }
}

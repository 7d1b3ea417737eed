import { namedSchemas, rest, restStreams, type Endpoint, type RestStream } from '@v3vee/contracts';
import { z } from 'zod';
import { Messages, type JsonSchema } from './messages';
import { pascalCase, snakeCase } from './names';
import type { Api, Field, Message, Rpc, Service } from './model';

const reference = (id: string): string => `#/components/schemas/${id}`;

/** Path parameters of a REST address: `/vms/{vm}:start` → `vm`. */
export const pathParameters = (path: string): string[] =>
  [...path.matchAll(/\{(\w+)\}/g)].map(match => match[1] as string);

/** The JSON key of a request's body, and that of its field mask. */
export const BODY = 'body';
export const MASK = 'updateMask';
/** That of a piece of bytes, and that of a text. */
export const DATA = 'data';
export const TEXT = 'text';

let made: Api | undefined;

/** The gRPC interface: a service for each tag of the REST table, an RPC for each endpoint and stream. */
export function api(): Api {
  return (made ??= new ApiBuilder().build());
}

class ApiBuilder {
  private readonly registry = z.registry<{ id: string }>();
  private readonly schemas: Record<string, JsonSchema>;
  private readonly messages: Messages;

  constructor() {
    for (const [id, schema] of Object.entries(namedSchemas)) this.registry.add(schema, { id });
    const parts: [string, z.ZodType | undefined][] = [
      ...Object.entries<Endpoint>(rest).flatMap(([name, { query, body, response }]) =>
        Object.entries({ Query: query, Body: body, Response: response }).map(
          ([part, schema]): [string, z.ZodType | undefined] => [name + part, schema],
        ),
      ),
      ...Object.entries<RestStream>(restStreams).flatMap(
        ([name, { query, answers }]): [string, z.ZodType | undefined][] => [
          [`${name}Query`, query],
          [`${name}Response`, answerSchema(answers)],
        ],
      ),
    ];
    for (const [id, schema] of parts)
      if (schema && !this.registry.has(schema)) this.registry.add(schema, { id });
    const made = z.toJSONSchema(this.registry, {
      io: 'input',
      target: 'draft-2020-12',
      unrepresentable: 'any',
      uri: reference,
    });
    this.schemas = made.schemas as Record<string, JsonSchema>;
    const named = Object.keys(namedSchemas).map((name): [string, { name: string; schema: JsonSchema }] => [
      reference(name),
      { name, schema: this.schemas[name] as JsonSchema },
    ]);
    this.messages = new Messages(new Map(named));
  }

  build(): Api {
    const services = new Map<string, Service>();
    const add = (tag: string, rpc: Rpc) => {
      const service = services.get(tag) ?? { name: pascalCase(tag), tag, rpcs: [] };
      services.set(tag, service);
      service.rpcs.push(rpc);
    };
    for (const [name, endpoint] of Object.entries<Endpoint>(rest))
      add(endpoint.tag, this.unary(name, endpoint));
    for (const [name, stream] of Object.entries<RestStream>(restStreams))
      add(stream.tag, this.stream(name, stream));
    add('vms', consoleRpc());
    return { services: [...services.values()], types: this.messages.types };
  }

  private unary(name: string, { path, method, query, body, response, summary }: Endpoint): Rpc {
    const request = this.request(name, path, query);
    if (body) {
      const nested: Message[] = [];
      const message = this.message(body, `${request.name}.Body`, nested);
      // A body without fields says nothing; when one comes, the field comes.
      if (message && message.fields.length > 0) {
        request.nested.push(...nested);
        request.fields.push(single(BODY, { kind: 'message', message }, !body.safeParse(undefined).success));
        if (method === 'PATCH')
          request.fields.push({
            ...single(MASK, { kind: 'mask' }),
            comment: 'fields of the body that count, also where they are empty; absent: those that are there',
          });
      } else if (!message) request.fields.push(single(BODY, { kind: 'value' }, true));
    }
    return { name, summary, kind: 'unary', request, response: this.response(name, response) };
  }

  private stream(name: string, { path, query, summary, takes, answers }: RestStream): Rpc {
    const request = this.request(name, path, query);
    if (takes === 'text') request.fields.push(single(TEXT, { kind: 'scalar', scalar: 'string' }, true));
    if (takes === 'bytes') request.fields.push(single(DATA, { kind: 'scalar', scalar: 'bytes' }));
    const schema = answerSchema(answers);
    const response = schema
      ? this.response(name, schema)
      : plain(`${pascalCase(name)}Response`, [
          'bytes' in answers
            ? single(DATA, { kind: 'scalar', scalar: 'bytes' }, true)
            : single(TEXT, { kind: 'scalar', scalar: 'string' }, true),
        ]);
    const kind =
      takes === 'bytes' ? 'upload' : 'lines' in answers || 'bytes' in answers ? 'download' : 'unary';
    return { name, summary, kind, request, response };
  }

  private request(name: string, path: string, query: z.ZodObject | undefined): Message {
    const request = plain(`${pascalCase(name)}Request`, []);
    for (const parameter of pathParameters(path))
      request.fields.push(single(parameter, { kind: 'scalar', scalar: 'string' }, true));
    if (query) request.fields.push(...this.messages.fields(this.schemaOf(query), request));
    return request;
  }

  private response(name: string, schema: z.ZodType): Message {
    const own = `${pascalCase(name)}Response`;
    const nested: Message[] = [];
    const message = this.message(schema, own, nested);
    if (!message) throw new Error(`${name} answers with no object, which gRPC has no message for`);
    return message;
  }

  private message(schema: z.ZodType, name: string, nest: Message[]): Message | undefined {
    const id = this.registry.get(schema)?.id ?? '';
    if (id in namedSchemas) return this.messages.object({ $ref: reference(id) }, name);
    const message = this.messages.object(this.schemaOf(schema), name);
    if (message && message.name === name) nest.push(message);
    return message;
  }

  private schemaOf(schema: z.ZodType): JsonSchema {
    return this.schemas[this.registry.get(schema)?.id ?? ''] as JsonSchema;
  }
}

function answerSchema(answers: RestStream['answers']): z.ZodType | undefined {
  if ('lines' in answers) return answers.lines;
  return 'json' in answers ? answers.json : undefined;
}

/** The one RPC that goes both ways: what the console's WebSocket is. */
function consoleRpc(): Rpc {
  return {
    name: 'console',
    summary: 'The serial console: bytes both ways; the first message names the VM',
    kind: 'console',
    request: plain('ConsoleRequest', [
      { ...single('vm', { kind: 'scalar', scalar: 'string' }), comment: 'id or name, in the first message' },
      { ...single(DATA, { kind: 'scalar', scalar: 'bytes' }), comment: 'what is typed' },
    ]),
    response: plain('ConsoleResponse', [single(DATA, { kind: 'scalar', scalar: 'bytes' }, true)]),
  };
}

function plain(name: string, fields: Field[]): Message {
  return { name, comment: '', fields, nested: [] };
}

function single(name: string, type: Field['type'], required = false): Field {
  const proto = snakeCase(name);
  return { name, proto, type, cardinality: 'single', required, nullable: false, comment: '' };
}

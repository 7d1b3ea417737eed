import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { rest, restStreams } from '@v3vee/contracts';
import { api } from './api';
import { NUMBERS_FILE, OWN_FOLDER } from './files';
import { rpcName, type Message } from './model';
import { pascalCase } from './names';
import { numbered, type Numbers } from './numbers';
import { serviceDefinition } from './load';
import { protoFiles } from './proto-files';

const numbers = JSON.parse(readFileSync(NUMBERS_FILE, 'utf8')) as Numbers;

describe('the proto files', () => {
  it('are what the REST table makes: after a change of it run "npm run proto -w libs/grpc"', () => {
    const made = protoFiles(api(), numbered(api(), numbers));
    const found = readdirSync(OWN_FOLDER).map(
      name => [name, readFileSync(join(OWN_FOLDER, name), 'utf8')] as const,
    );
    expect(new Map(found.sort())).toEqual(new Map([...made].sort()));
    expect(numbered(api(), numbers)).toEqual(numbers);
  });

  it('have an RPC for every endpoint and stream, in the service of its tag, and for the console', () => {
    const rpcs = api().services.flatMap(service =>
      Object.keys(serviceDefinition(service)).map(name => `${service.tag}/${name}`),
    );
    const expected = Object.entries({ ...rest, ...restStreams }).map(
      ([name, { tag }]) => `${tag}/${rpcName({ name })}`,
    );
    expect(rpcs.sort()).toEqual([...expected, 'vms/Console'].sort());
  });
});

describe('names', () => {
  it('of messages are whole where a method of the service has the same one, which would come first', () => {
    for (const [file, text] of protoFiles(api(), numbers)) {
      const methods = new Set([...text.matchAll(/^ {2}rpc (\w+)\(/gm)].map(([, name]) => name));
      for (const [, name] of text.matchAll(/^ {2}rpc .*returns \((?:stream )?([\w.]+)\)/gm))
        expect([file, name, methods.has(name)]).toEqual([file, name, false]);
    }
  });

  it('of messages are none that protobuf gives to the entries of a map beside them', () => {
    const visit = ({ name, fields, nested }: Message): void => {
      const entries = fields
        .filter(({ cardinality }) => cardinality === 'map')
        .map(({ name: field }) => `${name}.${pascalCase(field)}Entry`);
      for (const inner of nested) {
        expect(entries).not.toContain(inner.name);
        visit(inner);
      }
    };
    const { types, services } = api();
    const messages = services.flatMap(({ rpcs }) =>
      rpcs.flatMap(({ request, response }) => [request, response]),
    );
    [...types, ...messages].forEach(visit);
  });
});

describe('the number of a field', () => {
  const message = (...fields: object[]) => ({ name: 'M', comment: '', nested: [], fields }) as never;
  const field = (proto: string, scalar: string) => ({
    proto,
    type: { kind: 'scalar', scalar },
    cardinality: 'single',
  });
  const types = (...fields: object[]) => ({ services: [], types: [message(...fields)] });

  it('stays, a new one has a new one, and none is given again', () => {
    const first = numbered(types(field('a', 'string'), field('b', 'string')), {});
    expect(first.M).toEqual({ a: 1, b: 2 });
    const second = numbered(types(field('c', 'bool'), field('b', 'string')), first);
    expect(second.M).toEqual({ ...first.M, c: 3 });
    const text = protoFiles(types(field('c', 'bool'), field('b', 'string')) as never, second).get(
      'types.proto',
    );
    expect(text).toContain('reserved 1;\n  reserved "a";');
  });
});

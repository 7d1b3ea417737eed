import { namedSchemas } from '@v3vee/contracts';
import { api } from './api';
import { fromWire, toWire, type Json } from './codec';
import { maskedBody } from './field-mask';
import { packageDefinition } from './load';
import type { MessageTypeDefinition } from '@grpc/proto-loader';
import type { Message } from './model';

const type = (name: string) => api().types.find(each => each.name === name) as Message;
const rpc = (name: string) =>
  api()
    .services.flatMap(({ rpcs }) => rpcs)
    .find(each => each.name === name)!;

/** Over the wire, as bytes of the published proto files. */
function travelled(message: Message, json: Json): object {
  const { serialize, deserialize } = packageDefinition()[`v3vee.v1.${message.name}`] as MessageTypeDefinition<
    object,
    Json
  >;
  return deserialize(serialize(toWire(message, json)));
}
const there = (message: Message, json: Json, side: 'request' | 'response' = 'response') =>
  fromWire(message, travelled(message, json) as Json, side);

describe('JSON as messages', () => {
  it('comes back as it was: nulls, empty lists, zeros, false, empty texts', () => {
    const network = {
      ...{ id: '00000000-0000-4000-8000-000000000001', name: 'lan', project: 'default' },
      ...{
        subnet: null,
        dhcp: false,
        dns: true,
        serviceAddress: '',
        nics: 0,
        createdAt: '2026-01-01T00:00:00.000Z',
      },
    };
    expect(there(type('Network'), network)).toEqual(network);
    expect(namedSchemas.Network!.parse(there(type('Network'), network))).toEqual(network);
    const page = { items: [], nextPageToken: '' };
    expect(there(rpc('listVms').response, page)).toEqual(page);
  });

  it('keeps what the contract leaves open, __proto__ among it', () => {
    const response = JSON.parse('{"__proto__": {"a": [1, null, true, {"b": ""}]}, "n": -1.5}') as object;
    const operation = { verb: 'x', response, metadata: null, error: null, done: true };
    const back = there(type('Operation'), operation) as typeof operation;
    expect(JSON.stringify(back.response)).toBe(JSON.stringify(response));
    expect(back.metadata).toBeNull();
    expect(({} as { a?: unknown }).a).toBeUndefined();
  });

  it('tells the shapes of a union apart', () => {
    const { response } = rpc('traceDevice');
    const status = { delivered: 1, dropped: 0, ended: null };
    const event = {
      ...{ atUs: 1.7e15, vm: 'a1', event: 'write', register: 'ISR', offset: 62, size: null, value: null },
      ...{ class: null, detail: '' },
    };
    expect(there(response, status)).toEqual(status);
    expect(there(response, event)).toEqual(event);
  });

  it('carries whole numbers as far as JSON has them', () => {
    const wide = { id: 1, name: 'x', core: Number.MAX_SAFE_INTEGER, aspace: -5 };
    expect(there(type('HostTask'), wide)).toMatchObject(wide);
  });

  it('leaves unsaid in a request what was not said, but for lists that must be there', () => {
    expect(there(type('VmPatch'), { autostart: false, nics: [] }, 'request')).toEqual({ autostart: false });
    expect(there(type('ExecRequest'), { command: [] }, 'request')).toEqual({ command: [] });
  });
});

describe('a field mask', () => {
  const patch = type('VmPatch');
  it('says which fields count, also where they are empty', () => {
    const wire = toWire(patch, { autostart: true, image: 'x' });
    expect(maskedBody(patch, wire, ['nics', 'autostart'])).toEqual({ nics: [], autostart: true });
    expect(maskedBody(patch, wire, ['checkpoint_every', 'image'].slice(1))).toEqual({ image: 'x' });
    expect(maskedBody(patch, wire, [])).toEqual({ autostart: true, image: 'x' });
    expect(maskedBody(patch, undefined, ['disks'])).toEqual({ disks: [] });
  });
  it.each([
    ['colour', 'update_mask: there is no field "colour"; fields are: host, memory_mib'],
    ['host', 'update_mask: it names host, which the body has no value for'],
  ])('that names %s is refused', (path, words) => {
    expect(() => maskedBody(patch, {}, [path])).toThrow(words);
  });
});

import { exampleOf, restStreams } from '@v3vee/contracts';
import {
  api,
  fromWire,
  rpcName,
  serviceDefinition,
  toWire,
  type Json,
  type Rpc,
  type Wire,
} from '@v3vee/grpc';
import { EncodedLines } from './encoded-lines';

describe('lines of a watch as messages', () => {
  const service = api().services.find(({ rpcs }) => rpcs.some(({ name }) => name === 'watchVms'))!;
  const rpc = service.rpcs.find(({ name }) => name === 'watchVms') as Rpc;
  const { responseSerialize, responseDeserialize } = serviceDefinition(service)[rpcName(rpc)]!;
  let encoded = 0;
  let lines: EncodedLines;
  beforeEach(() => {
    encoded = 0;
    lines = new EncodedLines(rpc, wire => {
      encoded++;
      return responseSerialize(wire);
    });
  });
  const { answers } = restStreams.watchVms;
  const example = answers.lines.parse(exampleOf(answers.lines));
  const line = (resourceVersion: number, more: object = {}) =>
    JSON.stringify({ ...example, ...more, resourceVersion: String(resourceVersion) });
  const read = (bytes: Buffer) => fromWire(rpc.response, responseDeserialize(bytes) as Wire, 'response');

  it('are encoded once for all who are told the same', () => {
    const first = lines.of(line(1));
    expect(first).toEqual(responseSerialize(toWire(rpc.response, JSON.parse(line(1)) as Json)));
    expect(read(first)).toMatchObject({ type: 'PRESENT', resourceVersion: '1', name: example.name });
    // As another reader has read it.
    expect(lines.of(Buffer.from(line(1)).toString())).toBe(first);
    expect(read(lines.of(line(2)))).toMatchObject({ resourceVersion: '2' });
    expect(encoded).toBe(2);
  });

  it('are kept in bounded number and size', () => {
    for (let version = 0; version <= 64; version++) lines.of(line(version));
    lines.of(line(64));
    expect(encoded).toBe(65);
    lines.of(line(0));
    expect(encoded).toBe(66);
    const long = line(1, { name: 'x'.repeat(16 * 1024) });
    expect(lines.of(long)).not.toBe(lines.of(long));
  });
});

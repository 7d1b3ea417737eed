import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { V3Error, type TraceEvent, type TraceLine } from '@v3vee/contracts';
import { Client } from './client';
import { openTrace } from './trace';

/** What comes in pieces and breaks off; against the real gateway: apps/gateway/src/dmm/trace.spec.ts. */
describe('a trace', () => {
  let server: Server;
  let client: Client;
  let asked: string[] = [];
  let answer: (response: ServerResponse) => void;
  beforeEach(async () => {
    asked = [];
    server = createServer((request, response) => {
      asked.push(request.url as string);
      answer(response);
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    client = new Client({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, token: 'x' });
  });
  afterEach(async () => {
    client.close();
    server.closeAllConnections();
    await new Promise(resolve => server.close(resolve));
  });

  const event = (detail: string): TraceEvent => ({
    ...{ atUs: 1, vm: 'a1', event: 'read', register: 'ISR', offset: 0x3e, size: 2, value: null },
    ...{ class: 'open', detail },
  });
  const status = { delivered: 2, dropped: 1, ended: 'the gateway stops' };
  const read = async (lines: AsyncIterable<TraceLine>) => {
    const all: TraceLine[] = [];
    for await (const line of lines) all.push(line);
    return all;
  };

  it('comes line by line, however the connection cuts it into pieces', async () => {
    const text = [event('é'), event('ü'), status].map(line => `${JSON.stringify(line)}\n`).join('');
    answer = async response => {
      for (const byte of Buffer.from(text)) {
        response.write(Buffer.of(byte));
        // So that each is a piece of its own.
        await new Promise(resolve => setImmediate(resolve));
      }
      response.end();
    };
    const { lines } = await openTrace(client, 'alpha/eth0');
    expect(await read(lines)).toEqual([event('é'), event('ü'), status]);
    expect(asked).toEqual(['/v1/dmm/trace?device=alpha%2Feth0']);
  });

  it('that is cut off fails; that is left just ends', async () => {
    answer = response => void response.write(`${JSON.stringify(event('1'))}\n{"atUs":`);
    const cut = await openTrace(client, 'alpha/eth0');
    const all: TraceLine[] = [];
    const reading = (async () => {
      for await (const line of cut.lines) {
        all.push(line);
        server.closeAllConnections();
      }
    })();
    await expect(reading).rejects.toMatchObject({
      code: 'SERVICE_UNAVAILABLE',
      message: expect.stringContaining('the trace was cut off'),
    });
    expect(all).toEqual([event('1')]);

    const left = await openTrace(client, 'alpha/eth0');
    const seen: TraceLine[] = [];
    for await (const line of left.lines) {
      seen.push(line);
      left.stop();
    }
    expect(seen).toEqual([event('1')]);
  });

  it('of something else than a gateway of this version says so', async () => {
    answer = response => void response.end('{"event":"read"}\n');
    const { lines } = await openTrace(client, 'alpha/eth0');
    await expect(read(lines)).rejects.toThrow('a line that is none of a trace');
  });

  it('that is refused fails as the gateway says', async () => {
    const problem = new V3Error('DEVICE_NOT_FOUND', 'there is no physical device "alpha/eth0"').toProblem();
    answer = response => void response.writeHead(404).end(JSON.stringify(problem));
    await expect(openTrace(client, 'alpha/eth0')).rejects.toMatchObject({ code: 'DEVICE_NOT_FOUND' });
    answer = response => void response.writeHead(502).end('<html>');
    await expect(openTrace(client, 'alpha/eth0')).rejects.toThrow('the gateway refused the trace (HTTP 502)');
  });
});

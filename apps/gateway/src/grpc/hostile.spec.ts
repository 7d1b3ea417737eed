import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { status } from '@grpc/grpc-js';
import { MAX_BODY_BYTES } from '@v3vee/contracts';
import { errorOf } from '@v3vee/grpc';
import { failure, GrpcRig } from '../testing/grpc-rig.fixture';
import type { TestGateway } from '../testing/test-gateway.fixture';

describe('gRPC goes on after', () => {
  let rig: GrpcRig;
  let gateway: TestGateway;
  beforeAll(async () => {
    rig = await GrpcRig.start();
    ({ gateway } = rig);
  });
  afterAll(() => rig?.stop());

  afterEach(async () => {
    expect((await rig.client.call('getHost', { host: 'alpha' })).name).toBe('alpha');
    await gateway.ok('get', '/v1/vms');
  });

  it('a message larger than a body may be', async () => {
    const error = await failure(rig.raw('createNetwork', { body: { name: 'x'.repeat(2 * MAX_BODY_BYTES) } }));
    expect(error.code).toBe(status.RESOURCE_EXHAUSTED);
  });

  it.each([
    ['bytes that are no message', Buffer.from('ffffffffffffffff', 'hex')],
    ['a message that breaks off', Buffer.from([0x0a, 0x7f, 1])],
  ])('%s', async (_, bytes) => {
    const error = await failure(rig.raw('createNetwork', bytes));
    expect([error.code, errorOf(error)?.code]).toEqual([status.INVALID_ARGUMENT, 'INVALID_REQUEST']);
  });

  it('JSON nested without end', async () => {
    let value: Buffer = Buffer.from([0x20, 1]);
    const around = (tag: number, content: Buffer) => {
      const length: number[] = [];
      for (let rest = content.length; ; rest >>>= 7) {
        length.push(rest > 127 ? (rest & 127) | 128 : rest);
        if (rest <= 127) break;
      }
      return Buffer.concat([Buffer.from([tag, ...length]), content]);
    };
    for (let depth = 0; depth < 20_000; depth++) value = around(0x32, around(0x0a, value));
    // The body's memoryMiB of createVm.
    const error = await failure(rig.raw('createVm', around(0x12, around(0x1a, value))));
    expect([error.code, errorOf(error)?.code]).toEqual([status.INVALID_ARGUMENT, 'INVALID_REQUEST']);
  });

  it.each([
    ['garbage', randomBytes(4096)],
    ['HTTP/1', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
    [
      'a preface and garbage',
      Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), randomBytes(4096)]),
    ],
  ])('a connection that sends %s', async (_, bytes) => {
    const [host, port] = gateway.grpcAddress.split(':') as [string, string];
    const socket = connect(Number(port), host);
    socket.on('error', () => undefined);
    socket.resume().end(bytes);
    await once(socket, 'close');
  });

  it('a restart on another port', async () => {
    await gateway.restart();
    rig.connect();
    await gateway.until(async () => (await gateway.hostState('alpha')) === 'READY');
  });
});

import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { List, Network } from '@v3vee/contracts';
import { GrpcClient } from '@v3vee/grpc';
import { TestGateway } from '../testing/test-gateway.fixture';

describe('a gRPC client', () => {
  let gateway: TestGateway;
  let client: GrpcClient;
  beforeAll(async () => {
    gateway = await TestGateway.start();
  });
  afterEach(() => client?.close());
  afterAll(() => gateway?.stop());

  const networks = async () =>
    (await gateway.ok<List<Network>>('get', '/v1/networks?pageSize=1000')).items.map(({ name }) => name);

  it('comes again while the gateway is restarted', async () => {
    const { grpcAddress, token } = gateway;
    client = new GrpcClient({ address: grpcAddress, token, retryForMs: 60_000 });
    await client.call('getSelf', {});
    gateway.setEnv({ V3_GRPC_PORT: String(grpcAddress.split(':').pop()) });
    let calling: Promise<Network> | undefined;
    await gateway.restart(async () => {
      calling = client.call('createNetwork', {}, { body: { name: 'awaited' } });
    });
    expect((await calling)?.name).toBe('awaited');
    expect(await networks()).toEqual(['awaited']);
  });

  /** What is between the client and the gateway, and loses answers. */
  class Lossy {
    losing = false;
    lost = 0;
    private readonly pairs = new Set<[Socket, Socket]>();
    private readonly server: Server = createServer(here => {
      const [host, port] = gateway.grpcAddress.split(':') as [string, string];
      const there = connect(Number(port), host);
      const pair: [Socket, Socket] = [here, there];
      this.pairs.add(pair);
      here.on('data', bytes => there.write(bytes));
      there.on('data', bytes => {
        if (this.losing) this.lost += bytes.length;
        else here.write(bytes);
      });
      for (const socket of pair)
        socket
          .on('error', () => undefined)
          .on('close', () => {
            this.pairs.delete(pair);
            for (const each of pair) each.destroy();
          });
    });

    async listen(): Promise<string> {
      await new Promise<void>(resolve => this.server.listen(0, '127.0.0.1', resolve));
      return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
    }

    cut(): void {
      for (const pair of this.pairs) for (const socket of pair) socket.destroy();
    }

    async close(): Promise<void> {
      this.cut();
      await new Promise(resolve => this.server.close(resolve));
    }
  }

  it('whose answer was lost asks again with its request id: done once, answered as the first time', async () => {
    const between = new Lossy();
    client = new GrpcClient({ address: await between.listen(), token: gateway.token, retryForMs: 60_000 });
    await client.call('getSelf', {});
    between.losing = true;
    const calling = client.call('createNetwork', {}, { body: { name: 'lost' } });
    await gateway.until(async () => (await networks()).includes('lost') && between.lost > 0);
    between.losing = false;
    between.cut();
    const answer = await calling;
    expect(answer).toEqual(await gateway.ok('get', '/v1/networks/lost'));
    expect((await networks()).filter(name => name === 'lost')).toHaveLength(1);
    await between.close();
  });

  it('does not repeat what takes no request id', async () => {
    const between = new Lossy();
    client = new GrpcClient({ address: await between.listen(), token: gateway.token, retryForMs: 60_000 });
    await client.call('getSelf', {});
    between.losing = true;
    const calling = client.call('execVm', { vm: 'none' }, { body: { command: ['true'] } });
    const failed = expect(calling).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    await gateway.until(async () => between.lost > 0);
    between.losing = false;
    between.cut();
    await failed;
    await between.close();
  });
});

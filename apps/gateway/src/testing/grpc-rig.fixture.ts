import { Client as Channel, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import type { Vm } from '@v3vee/contracts';
import { api, GrpcClient, rpcName, serviceDefinition, type Wire } from '@v3vee/grpc';
import type { ScriptedHost } from './scripted-host.fixture';
import { TestGateway } from './test-gateway.fixture';

/** A gateway with the host alpha, its card eth0, the network lan and the running VM a1; a client, and a bare channel. */
export class GrpcRig {
  client!: GrpcClient;
  channel!: Channel;

  private constructor(
    readonly gateway: TestGateway,
    readonly alpha: ScriptedHost,
    readonly vm: Vm,
  ) {
    this.connect();
  }

  static async start(): Promise<GrpcRig> {
    const gateway = await TestGateway.start();
    const [alpha] = (await gateway.withHosts('alpha')) as [ScriptedHost];
    await gateway.operate('post', '/v1/cluster:apply', {
      hosts: { alpha: { nics: [{ name: 'eth0', model: 'rtl8139', network: 'lan' }] } },
      networks: { lan: { subnet: '10.10.0.0/24' } },
    });
    const nics = [{ network: 'lan' }];
    const vm = await gateway.ok<Vm>('post', '/v1/vms', { name: 'a1', host: 'alpha', nics });
    await gateway.operate('post', '/v1/vms/a1:start');
    return new GrpcRig(gateway, alpha, vm);
  }

  /** To where the gateway listens now. */
  connect(): void {
    this.client?.close();
    this.channel?.close();
    this.client = new GrpcClient({ address: this.gateway.grpcAddress, token: this.gateway.token });
    this.channel = new Channel(this.gateway.grpcAddress, credentials.createInsecure());
  }

  async stop(): Promise<void> {
    this.client.close();
    this.channel.close();
    await this.gateway.stop();
  }

  metadata(token: string | null = this.gateway.token): Metadata {
    const metadata = new Metadata();
    if (token !== null) metadata.set('authorization', `Bearer ${token}`);
    return metadata;
  }

  /** A call with a message as it is. */
  raw(name: string, wire: Wire | Buffer, token: string | null = this.gateway.token): Promise<Wire> {
    const service = api().services.find(({ rpcs }) => rpcs.some(rpc => rpc.name === name))!;
    const definition = serviceDefinition(service)[rpcName({ name })]!;
    return new Promise((resolve, reject) =>
      this.channel.makeUnaryRequest(
        definition.path,
        (it: Wire | Buffer) => (Buffer.isBuffer(it) ? it : definition.requestSerialize(it)),
        definition.responseDeserialize as (bytes: Buffer) => Wire,
        wire,
        this.metadata(token),
        (error, answer) => (error ? reject(error) : resolve(answer as Wire)),
      ),
    );
  }
}

export const failure = (call: Promise<unknown>): Promise<ServiceError> =>
  call.then(
    () => Promise.reject(new Error('it succeeded')),
    (error: ServiceError) => error,
  );

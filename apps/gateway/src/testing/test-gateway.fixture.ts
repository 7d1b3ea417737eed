import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { Bus } from '@v3vee/bus';
import type { NewToken, Operation, Role } from '@v3vee/contracts';
import { createService, readConfig } from '@v3vee/service';
import { createDataSource } from '@v3vee/store';
import { testNats, testPostgres } from '@v3vee/testkit';
import request, { type Test } from 'supertest';
import type { DataSource } from 'typeorm';
import { gatewayConfig } from '../config';
import { EventFeed } from '../events/event-feed';
import { GrpcServer } from '../grpc/grpc-server';
import { GatewayModule } from '../gateway.module';
import { configureHttp } from '../http/configure';
import { readTls } from '../http/tls';
import { ScriptedHost } from './scripted-host.fixture';
import { putImage } from './image.fixture';

/** The silence that tests wait for; a host beats many times in it. */
const SILENCE_MS = 2_500;

/** How long a test waits for what must come; the machine may be busy with other tests. */
export const PATIENCE_MS = 20_000;

// Servers are started and waited for; how fast that goes is not what is tested.
jest.setTimeout(3 * PATIENCE_MS);

type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

/** A real gateway on a free port, on a database of its own, with hosts as a test scripts them. */
export class TestGateway {
  readonly token = randomBytes(24).toString('base64url');
  private app!: NestExpressApplication;
  private hosts: ScriptedHost[] = [];
  private users = 0;

  private constructor(
    readonly folder: string,
    readonly nats: { url: string; stop(): Promise<void> },
    readonly database: { url: string; stop(): Promise<void> },
    readonly bus: Bus,
    readonly dataSource: DataSource,
    private env: Record<string, string>,
  ) {}

  /** @param env beyond what a gateway needs */
  static async start(env: Record<string, string> = {}): Promise<TestGateway> {
    const [nats, database] = await Promise.all([testNats(), testPostgres()]);
    const folder = await mkdtemp(join(tmpdir(), 'v3-gateway-'));
    const bus = await Bus.connect({ url: nats.url, name: 'test' });
    const dataSource = await createDataSource(database.url).initialize();
    const gateway = new TestGateway(folder, nats, database, bus, dataSource, env);
    await writeFile(join(folder, 'token'), `${gateway.token}\n`);
    await putImage(join(folder, 'cache', 'images'), 'debian');
    await putImage(join(folder, 'cache', 'images'), 'debian-wifi', [
      { name: 'iw', version: '5.19-1', architecture: 'i386', sha256: 'f'.repeat(64) },
    ]);
    await gateway.open();
    return gateway;
  }

  async stop(): Promise<void> {
    for (const host of this.hosts) host.stop();
    await this.app.close();
    await this.bus.close();
    await this.dataSource.destroy();
    await Promise.all([this.nats.stop(), this.database.stop()]);
    await rm(this.folder, { recursive: true });
  }

  /** Another process on the same state. */
  async restart(meanwhile?: () => Promise<void>): Promise<void> {
    await this.app.close();
    await meanwhile?.();
    await this.open();
  }

  /** For when it is opened next. */
  setEnv(env: Record<string, string>): void {
    this.env = env;
  }

  async open(): Promise<void> {
    const config = readConfig(gatewayConfig, {
      V3_NATS_URL: this.nats.url,
      V3_DATABASE_URL: this.database.url,
      V3_ADMIN_TOKEN_FILE: join(this.folder, 'token'),
      V3_STATE_DIR: join(this.folder, 'state'),
      V3_CACHE_DIR: join(this.folder, 'cache'),
      V3_HOST_SILENCE_MS: String(SILENCE_MS),
      V3_HOST_PATIENCE_MS: '2000',
      V3_LEASE_SECONDS: '1',
      V3_LEASE_MARGIN_SECONDS: '0.2',
      ...this.env,
      V3_LOG_LEVEL: process.env.V3_LOG_LEVEL ?? 'silent',
    });
    this.app = await createService(
      {
        name: 'gateway',
        module: GatewayModule,
        config: gatewayConfig,
        tls: readTls,
        configure: configureHttp,
      },
      config,
    );
  }

  get server(): ReturnType<NestExpressApplication['getHttpServer']> {
    return this.app.getHttpServer();
  }

  /** How many subscriptions its own bus has, and how many readers wait for events. */
  get listening(): number {
    return this.app.get(Bus).listening + this.app.get(EventFeed).waiting;
  }

  get express(): unknown {
    return this.app.getHttpAdapter().getInstance();
  }

  get port(): number {
    return (this.server.address() as { port: number }).port;
  }

  /** Where its gRPC listens. */
  get grpcAddress(): string {
    return this.app.get(GrpcServer).address;
  }

  /** A new user of these, and its token. */
  async user(role: Role, more: { project?: string; expiresIn?: number } = {}): Promise<NewToken> {
    const { project, ...token } = more;
    const user = `${role}-${this.users++}`;
    await this.ok('post', '/v1/users', { name: user, role, ...(project && { project }) });
    return this.ok<NewToken>('post', '/v1/tokens', { user, ...token });
  }

  /** A request with the administrator's token. */
  call(method: Method, path: string, body?: object, token = this.token): Test {
    const test = request(this.server)[method](path).set('Authorization', `Bearer ${token}`);
    return body === undefined ? test : test.send(body);
  }

  /** A request that is to succeed. @returns the response's body */
  async ok<T = Record<string, never>>(method: Method, path: string, body?: object): Promise<T> {
    const response = await this.call(method, path, body);
    if (response.status >= 300) throw new Error(`${method} ${path}: ${response.status} ${response.text}`);
    return response.body as T;
  }

  /** A request that begins an operation. @returns the operation when it has ended */
  async operate(method: Method, path: string, body?: object): Promise<Operation> {
    const { id } = await this.ok<Operation>(method, path, body);
    return this.ended(id);
  }

  async ended(id: string): Promise<Operation> {
    const operation = await this.ok<Operation>('get', `/v1/operations/${id}:wait?timeoutSeconds=20`);
    if (!operation.done) throw new Error(`operation ${id} did not end: ${operation.progress}`);
    return operation;
  }

  /** Declares hosts, and waits until the gateway hears them. */
  async withHosts(...names: string[]): Promise<ScriptedHost[]> {
    const states = join(this.folder, 'state', 'states');
    const hosts = names.map(name => new ScriptedHost(this.bus, this.dataSource, name, states).start());
    this.hosts.push(...hosts);
    await this.operate('post', '/v1/cluster:apply', {
      hosts: Object.fromEntries(names.map(name => [name, null])),
    });
    for (const name of names) await this.until(async () => (await this.hostState(name)) === 'READY');
    return hosts;
  }

  async hostState(name: string): Promise<string> {
    return (await this.ok<{ state: string }>('get', `/v1/hosts/${name}`)).state;
  }

  /** Asks again until it holds. The limit only ends a test that fails: none depends on how long it takes. */
  async until(condition: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    while (!(await condition())) {
      if (performance.now() > deadline) throw new Error(`not within ${PATIENCE_MS} ms: ${condition}`);
      await new Promise(resolve => setTimeout(resolve, 20));
    }
  }
}

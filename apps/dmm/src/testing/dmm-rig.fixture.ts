import type { INestApplication } from '@nestjs/common';
import { Bus } from '@v3vee/bus';
import {
  dmmCalls,
  type CardModel,
  type DmmPolicyPatch,
  type HookRule,
  type IoAccess,
} from '@v3vee/contracts';
import { createService } from '@v3vee/service';
import { ensureNats, resolvePaths, startNats, type Daemon, type NatsServer } from '@v3vee/setup';
import { createDataSource, DmmPolicyRepository, HostRepository, migrate, VmRepository } from '@v3vee/store';
import { stateFolder, testPostgres } from '@v3vee/testkit';
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import type { DataSource } from 'typeorm';
import { dmmConfig } from '../config';
import { DmmModule } from '../dmm.module';
import type { ExitAnswer } from '../exits/judge';
import { ScriptedHost, type ScriptedGuest } from './scripted-host.fixture';

/** Waits for a condition, and fails with it when it does not come true on the slowest machine either. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`never came true: ${condition.toString()}`);
    await new Promise(resolve => setTimeout(resolve, 2));
  }
}

const startNatsIn = async (dir: string, port?: number) =>
  startNats({ program: await ensureNats({ cache: resolvePaths().cache }), dir, port });

/** The service on a real NATS server and Postgres, and scripted hosts. Each test has a host of its own. */
export class DmmRig {
  /** The one that was started last. */
  host!: ScriptedHost;
  /** Of the host. */
  name = '';
  private dmm: INestApplication | undefined;
  private hosts: ScriptedHost[] = [];
  private buried: INestApplication[] = [];
  private tests = 0;

  private constructor(
    private nats: NatsServer,
    private readonly natsDir: string,
    private readonly postgres: Daemon & { url: string },
    readonly source: DataSource,
    readonly bus: Bus,
  ) {}

  static async start(): Promise<DmmRig> {
    const natsDir = await stateFolder();
    const [nats, postgres] = await Promise.all([startNatsIn(natsDir), testPostgres()]);
    const source = createDataSource(postgres.url);
    await migrate(source);
    return new DmmRig(nats, natsDir, postgres, source, await Bus.connect({ url: nats.url, name: 'test' }));
  }

  async stop(): Promise<void> {
    await this.bus.close();
    await this.source.destroy();
    await Promise.all([this.nats.stop(), this.postgres.stop()]);
    await rm(this.natsDir, { recursive: true, force: true });
  }

  /** Kills the NATS server, lets `meanwhile` happen, and starts it at the same address. */
  async restartNats(meanwhile: () => void): Promise<void> {
    process.kill(this.nats.pid, 'SIGKILL');
    await this.nats.exited;
    meanwhile();
    this.nats = await startNatsIn(this.natsDir, this.nats.port);
  }

  async beginTest(): Promise<void> {
    this.name = `host-${++this.tests}`;
    await this.declareHost(this.name);
  }

  async endTest(): Promise<void> {
    for (const host of this.hosts.splice(0)) host.stop();
    for (const service of [this.dmm, ...this.buried.splice(0)]) await service?.close();
    this.dmm = undefined;
  }

  async startDmm(): Promise<void> {
    const config = dmmConfig.parse({
      ...{ V3_NATS_URL: this.nats.url, V3_DATABASE_URL: this.postgres.url, V3_LOG_LEVEL: 'silent' },
    });
    this.dmm = await createService({ name: 'dmm', module: DmmModule, config: dmmConfig }, config);
    await until(async () => (await this.get('/health/ready')).includes('"ready":true'));
  }

  /** As far as others can see, by SIGKILL: it hears and says nothing more. */
  async killDmm(): Promise<void> {
    const dmm = this.dmm as INestApplication;
    this.buried.push(dmm);
    await dmm.get(Bus).close();
  }

  async get(path: string): Promise<string> {
    return (await fetch(`${await (this.dmm as INestApplication).getUrl()}${path}`)).text();
  }

  /** Of this test's card, if nothing else is said. NaN: there is no such metric. */
  async metric(
    name: string,
    labels: Record<string, string> = { device: `${this.name}/eth0` },
  ): Promise<number> {
    const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
    const line = (await this.get('/metrics'))
      .split('\n')
      .find(each => each.startsWith(`v3_dmm_${name}{`) && wanted.every(label => each.includes(label)));
    return line === undefined ? NaN : Number(line.slice(line.lastIndexOf(' ')));
  }

  declareHost(name: string): Promise<void> {
    const record = { name, memoryMiB: 1024, cores: 4, nics: [], radios: [] };
    return new HostRepository(this.source).save(record);
  }

  startHost(model?: CardModel, name = this.name): ScriptedHost {
    this.name = name;
    this.host = new ScriptedHost(this.bus, name, model);
    this.hosts.push(this.host);
    return this.host;
  }

  async setPolicy(patch: DmmPolicyPatch): Promise<void> {
    await new DmmPolicyRepository(this.source).save(`${this.name}/eth0`, patch);
    await this.bus.call(dmmCalls.reload, undefined, {});
  }

  async hooks(nic = 'eth0'): Promise<HookRule[]> {
    return (await this.bus.call(dmmCalls.hooks, undefined, { host: this.name, nic })).hooks;
  }

  exit(guest: ScriptedGuest, sequence: number, access: IoAccess, more: object = {}): Promise<ExitAnswer> {
    return this.bus.call(dmmCalls.exit, this.host.name, {
      ...{ ...this.host.sharer(guest), sequence, access, mode: guest.access, model: this.host.model },
      ...{ state: guest.state, memorySize: guest.memorySize, ...more },
    });
  }

  turnsOf({ vmId }: ScriptedGuest): number {
    return this.host.turns.filter(turn => turn === vmId).length;
  }

  has(guest: ScriptedGuest, host = this.host): Promise<void> {
    return until(() => host.holder === guest);
  }

  /** A guest whose VM the database knows. */
  async addVm(more: Partial<ScriptedGuest> = {}): Promise<{ guest: ScriptedGuest; vm: string }> {
    const vm = `vm-${randomUUID()}`;
    const { id } = await new VmRepository(this.source).create({
      ...{ name: vm, host: this.name, memoryMiB: 64, image: 'debian', autostart: false, boot: 'template' },
      ...{ managed: false, nics: [] },
    });
    return { guest: this.host.add({ vmId: id, ...more }), vm };
  }
}

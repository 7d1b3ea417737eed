/**
 * Hosts as a cluster has them, for tests: real NATS and Postgres, and kitten, vnet and palacios as processes of
 * their own, which a test may kill. The compiled services run: build them first.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { createWriteStream, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Bus } from '@v3vee/bus';
import {
  isMigrationEnd,
  migrationSourceCalls,
  palaciosCalls,
  palaciosHeartbeat,
  vnetCalls,
  type ExecResult,
  type migrationOptions,
  type MigrationProgress,
  type PalaciosVerb,
  type VmState,
  type VmStatus,
} from '@v3vee/contracts';
import {
  checkoutRoot,
  ensureImage,
  ensurePostgres,
  freePort,
  resolvePaths,
  startPostgres,
  type Daemon,
} from '@v3vee/setup';
import {
  DiskRepository,
  createDataSource,
  HostRepository,
  migrate,
  NetworkRepository,
  SnapshotRepository,
  VmRepository,
  VmStatusRepository,
  type VmDefinition,
  type VmStatusEntity,
} from '@v3vee/store';
import { stateFolder, testNats } from '@v3vee/testkit';
import type { z } from 'zod';

export interface VmOptions {
  host?: string;
  memoryMiB?: number;
  image?: string;
  boot?: 'template' | 'cold';
  nics?: { network: string; ip?: string }[];
  yield?: VmDefinition['yield'];
  devices?: VmDefinition['devices'];
  /** Blank ones. */
  disks?: { name: string; mib: number }[];
}

type RequestOf<V extends PalaciosVerb> = z.input<(typeof palaciosCalls)[V]['request']>;
type ResponseOf<V extends PalaciosVerb> = z.output<(typeof palaciosCalls)[V]['response']>;

const START_MS = 240_000;

type MigrationOptionsInput = z.input<typeof migrationOptions>;

/** What a process has in place of a folder of its state: empty, and gone with the process. */
export interface SmallDisk {
  folder: 'states' | 'disks';
  /** As mount(8) takes it: `12m`. */
  size: string;
}

/** Whether a process may have a file system of its own here. */
export const canMount = spawnSync('unshare', ['-rm', 'true']).status === 0;

export interface Move {
  /** Resolves with the first progress that is as the condition wants it. */
  until(condition: (progress: MigrationProgress) => boolean): Promise<MigrationProgress>;
  ended(): Promise<MigrationProgress>;
  cancel(): Promise<void>;
}

export class Rig {
  readonly vms: VmRepository;
  readonly statuses: VmStatusRepository;
  readonly snapshots: SnapshotRepository;
  readonly disks: DiskRepository;
  readonly #networks: NetworkRepository;
  readonly #hosts: HostRepository;
  readonly #processes = new Map<string, ChildProcess>();
  readonly #env = new Map<string, NodeJS.ProcessEnv>();
  readonly #networkIds = new Map<string, string>();
  #macs = 0;

  private constructor(
    readonly stateDir: string,
    readonly bus: Bus,
    private readonly nats: Awaited<ReturnType<typeof testNats>>,
    private postgres: Daemon,
    private readonly startPostgres: () => Promise<Daemon>,
    private readonly postgresDir: string,
    private readonly dataSource: ReturnType<typeof createDataSource>,
  ) {
    this.vms = new VmRepository(dataSource);
    this.statuses = new VmStatusRepository(dataSource);
    this.snapshots = new SnapshotRepository(dataSource);
    this.disks = new DiskRepository(dataSource);
    this.#networks = new NetworkRepository(dataSource);
    this.#hosts = new HostRepository(dataSource);
  }

  static async start(): Promise<Rig> {
    // The cache is shared with other checkouts, which may have wanted another build of the image last.
    await ensureImage('debian', { cache: resolvePaths().cache });
    const [nats, stateDir] = await Promise.all([testNats(), stateFolder()]);
    const server = {
      binaries: await ensurePostgres({ cache: resolvePaths().cache }),
      dir: await stateFolder(),
      port: await freePort(),
    };
    const start = () => startPostgres(server);
    const postgres = await start();
    const dataSource = createDataSource(postgres.url);
    await migrate(dataSource);
    const bus = await Bus.connect({ url: nats.url, name: 'test' });
    const rig = new Rig(stateDir, bus, nats, postgres, start, server.dir, dataSource);
    try {
      await rig.startService('vnet', 'vnet', {});
    } catch (thrown) {
      await rig.stop();
      throw thrown;
    }
    return rig;
  }

  /** Ends every process, kindly and then not, and removes what is left. */
  async stop(): Promise<void> {
    for (const name of [...this.#processes.keys()].reverse()) await this.signal(name, 'SIGKILL');
    await this.bus.close();
    await this.dataSource.destroy();
    await Promise.all([this.nats.stop(), this.postgres.stop()]);
    for (const dir of [this.stateDir, this.postgresDir]) await rm(dir, { recursive: true, force: true });
  }

  stopDatabase(): Promise<void> {
    return this.postgres.stop();
  }
  /** With the data and at the address that it had. */
  async startDatabase(): Promise<void> {
    this.postgres = await this.startPostgres();
  }

  // ---- processes --------------------------------------------------------------------------------------------

  /** @param kitten of its environment, more than it must have */
  async addHost(name: string, memoryMiB = 1024, cores = 8, kitten: NodeJS.ProcessEnv = {}): Promise<void> {
    await this.#hosts.save({ name, memoryMiB, cores, nics: [], radios: [] });
    await this.startService(`kitten-${name}`, 'kitten', {
      V3_HOST: name,
      V3_HOST_MEMORY_MIB: String(memoryMiB),
      V3_HOST_CORES: String(cores),
      ...kitten,
    });
    await this.startService(`palacios-${name}`, 'palacios', { V3_HOST: name });
  }

  /** Resolves when the service says that it is ready. */
  async startService(name: string, app: string, env: NodeJS.ProcessEnv, small?: SmallDisk): Promise<void> {
    this.#env.set(name, { ...env, APP: app });
    const main = join(checkoutRoot, 'apps', app, 'dist', 'main.js');
    let [program, args] = [process.execPath, [main]];
    if (small) {
      const folder = join(this.stateDir, small.folder);
      await mkdir(folder, { recursive: true });
      // A mount of its own, which only this process sees and which needs no root.
      const mount = `mount -t tmpfs -o size=${small.size} none ${folder} && exec ${process.execPath} ${main}`;
      [program, args] = ['unshare', ['-rm', 'sh', '-c', mount]];
    }
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: {
        ...process.env,
        V3_NATS_URL: this.nats.url,
        V3_DATABASE_URL: this.postgres.url,
        V3_STATE_DIR: this.stateDir,
        V3_CACHE_DIR: resolvePaths().cache,
        V3_HTTP_PORT: '0',
        ...env,
      },
    });
    this.#processes.set(name, child);
    const log = createWriteStream(this.logPath(name), { flags: 'a' });
    child.stdout?.pipe(log, { end: false });
    child.stderr?.pipe(log, { end: false });
    await new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`${name} is not ready after ${START_MS} ms`)), START_MS);
      child.once('message', message => {
        clearTimeout(late);
        this.#urls.set(name, (message as { url: string }).url);
        resolve();
      });
      child.once('exit', code => {
        clearTimeout(late);
        reject(
          new Error(
            `${name} ended with code ${code}:\n${readFileSync(this.logPath(name), 'utf8').slice(-2000)}`,
          ),
        );
      });
    });
  }
  readonly #urls = new Map<string, string>();

  logPath(name: string): string {
    return join(this.stateDir, `${name}.log`);
  }

  /** As the process sees it, in whose sight something may be mounted there. */
  pathOf(name: string, ...path: string[]): string {
    return join('/proc', String(this.pid(name)), 'root', this.stateDir, ...path);
  }

  url(name: string): string {
    return this.#urls.get(name) as string;
  }

  pid(name: string): number {
    return this.#processes.get(name)?.pid as number;
  }

  /** Resolves with the exit code, null after a deadly signal. */
  async signal(name: string, signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#processes.get(name);
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const exited = new Promise<number | null>(resolve => child.once('exit', code => resolve(code)));
    child.kill(signal);
    return exited;
  }

  async restart(name: string, small?: SmallDisk): Promise<void> {
    const { APP = '', ...env } = this.#env.get(name) ?? {};
    await this.startService(name, APP, env, small);
  }

  // ---- what the gateway would write -------------------------------------------------------------------------

  async define(name: string, options: VmOptions = {}): Promise<VmDefinition> {
    const {
      host = 'alpha',
      memoryMiB = 64,
      image = 'debian',
      boot = 'template',
      nics = [],
      disks = [],
    } = options;
    const { yield: yielding, devices } = options;
    return this.vms.create({
      name,
      host,
      memoryMiB,
      image,
      boot,
      yield: yielding,
      devices,
      autostart: false,
      managed: false,
      disks: disks.map(({ name, mib }) => ({
        ...{ id: randomUUID(), name, bytes: mib << 20, readOnly: false, cdrom: false, root: false },
        ...{ mount: null, image: null, base: [] },
      })),
      nics: await Promise.all(
        nics.map(async ({ network, ip }) => ({
          networkId: await this.#network(network),
          mac: this.#nextMac(),
          ip: ip ?? null,
        })),
      ),
    });
  }

  #nextMac(): string {
    return `02:00:00:00:01:${(++this.#macs).toString(16).padStart(2, '0')}`;
  }

  /** A network with services, in force when this resolves. */
  async addNetwork(network: { name: string; subnet: string; dhcp?: boolean; dns?: boolean }): Promise<void> {
    await this.#networks.create({ managed: false, ...network });
    await this.bus.call(vnetCalls.reload, undefined, {});
  }

  async #network(name: string): Promise<string> {
    const known = this.#networkIds.get(name) ?? (await this.#networks.find(name))?.id;
    const id = known ?? (await this.#networks.create({ name, subnet: null, managed: false })).id;
    this.#networkIds.set(name, id);
    return id;
  }

  // ---- what the gateway would ask ---------------------------------------------------------------------------

  async call<V extends PalaciosVerb>(verb: V, request: RequestOf<V>, host = 'alpha'): Promise<ResponseOf<V>> {
    return (await this.bus.call(palaciosCalls[verb] as never, host, request as never)) as ResponseOf<V>;
  }

  // ---- moves between hosts ----------------------------------------------------------------------------------

  /** Begins a move. @returns how to watch it and to call it off */
  async migrate(vm: VmDefinition, target: string, options: MigrationOptionsInput = {}): Promise<Move> {
    const migrationId = randomUUID();
    const { id: vmId, epoch, ownerHost: source } = vm;
    const request = { migrationId, vmId, epoch, target, cards: [], options };
    await this.bus.call(migrationSourceCalls.migrate, source, request as never);
    const progress = () => this.bus.call(migrationSourceCalls.progress, source, { migrationId });
    const until = async (condition: (progress: MigrationProgress) => boolean) => {
      let last: MigrationProgress | undefined;
      await waitFor(async () => condition((last = await progress())), 120_000);
      return last as MigrationProgress;
    };
    return {
      until,
      ended: () => until(({ phase }) => isMigrationEnd(phase)),
      cancel: async () => void (await this.bus.call(migrationSourceCalls.cancel, source, { migrationId })),
    };
  }

  /** Moves it and says where and what it is then. */
  async moved(
    vm: VmDefinition,
    target: string,
    options: MigrationOptionsInput = {},
  ): Promise<{ vm: VmDefinition; progress: MigrationProgress }> {
    const progress = await (await this.migrate(vm, target, options)).ended();
    if (progress.phase !== 'COMPLETED') throw new Error(`${vm.name} did not move: ${progress.reason}`);
    return { vm: (await this.vms.get(vm.id)) as VmDefinition, progress };
  }

  exec(vm: VmDefinition, ...command: string[]): Promise<ExecResult> {
    return this.call('exec', { vmId: vm.id, command, timeoutSeconds: 60 }, vm.ownerHost);
  }

  /** Standard output of a command that must succeed. */
  async sh(vm: VmDefinition, script: string): Promise<string> {
    const result = await this.exec(vm, 'sh', '-c', script);
    if (result.exitCode !== 0) throw new Error(`${vm.name}: ${script}: ${JSON.stringify(result)}`);
    return result.stdout.trim();
  }

  async row(vm: VmDefinition): Promise<VmStatusEntity> {
    return (await this.statuses.get(vm.id)) as VmStatusEntity;
  }

  async untilRow(vm: VmDefinition, condition: (row: VmStatusEntity) => boolean): Promise<void> {
    await waitFor(async () => {
      const row = await this.statuses.get(vm.id).catch(() => null);
      return row !== null && condition(row);
    });
  }

  /** Waits for a heartbeat in which the VM is as the condition wants it. */
  async until(vm: VmDefinition, condition: (status: VmStatus) => boolean, ms = 60_000): Promise<VmStatus> {
    let last: VmStatus | undefined;
    let stop = () => undefined as void;
    try {
      return await new Promise<VmStatus>((resolve, reject) => {
        const late = setTimeout(
          () =>
            reject(new Error(`${vm.name} is not as expected after ${ms} ms, but ${JSON.stringify(last)}`)),
          ms,
        );
        const listening = this.bus.listen(palaciosHeartbeat, vm.ownerHost, ({ vms }) => {
          last = vms.find(({ vmId }) => vmId === vm.id);
          if (last && condition(last)) resolve(last);
        });
        stop = () => {
          clearTimeout(late);
          listening.stop();
        };
      });
    } finally {
      stop();
    }
  }

  untilState(vm: VmDefinition, state: VmState): Promise<VmStatus> {
    return this.until(vm, status => status.state === state);
  }

  async metrics(name: string): Promise<string> {
    return (await fetch(`${this.url(name)}/metrics`)).text();
  }
}

/** Seconds that the guest has been running. */
export const uptime = async (rig: Rig, vm: VmDefinition): Promise<number> =>
  Number((await rig.sh(vm, 'cat /proc/uptime')).split(' ')[0]);

/** How far the guest's clock is off ours, in seconds, beyond its resolution and the time that asking takes. */
export async function clockError(rig: Rig, vm: VmDefinition): Promise<number> {
  const before = Date.now() / 1000;
  const guest = Number(await rig.sh(vm, 'date +%s'));
  return Math.max(0, before - guest - 1, guest - Date.now() / 1000 - 1);
}

export async function waitFor(condition: () => boolean | Promise<boolean>, ms = 30_000): Promise<void> {
  const end = Date.now() + ms;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`not so after ${ms} ms: ${condition.toString()}`);
    await new Promise(resolve => setTimeout(resolve, 50));
  }
}

import { EventEmitter } from 'node:events';
import type { Server } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import {
  Client,
  ControlClient,
  readCa,
  type ClusterStatus,
  type HostChanges,
  type HostsRequest,
  type ServiceStatus,
} from '@v3vee/client';
import { OPERATOR, V3Error, type ApplyResult, type HostSpec, type Topology } from '@v3vee/contracts';
import { withLock } from '@v3vee/setup';
import type { Logger } from 'pino';
import type { AnchorLink } from './anchor-link';
import { Cluster } from './cluster';
import { listenForControl, type Controlled } from './control-server';
import type { Infrastructure } from './infrastructure';
import type { LogFile } from './log-file';
import type { SupervisorOptions } from './options';
import { commonMembers, hostMemberNames, hostMembers, type Hosts, type ServiceSettings } from './services';
import type { StateWriter, TargetGroup } from './state-writer';

const ROTATE_EVERY_MS = 5_000;

/** Brings one cluster up, keeps it running and takes it down. Emits `progress` for a person. */
export class Supervisor extends EventEmitter<{ progress: [string]; stopped: [] }> implements Controlled {
  private readonly cluster = new Cluster();
  private readonly startedAt = new Date().toISOString();
  private state: ClusterStatus['state'] = 'starting';
  private hosts: Hosts = {};
  /** The gateway's address; it keeps it over a restart, so clients may go on trying it meanwhile. */
  private url: string | null = null;
  private control: Server | undefined;
  private rotation: NodeJS.Timeout | undefined;
  private stopping: Promise<void> | undefined;
  private readonly stopSignal = new AbortController();
  /** Changes of the hosts, one after the other. */
  private hostWork: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly options: SupervisorOptions,
    private readonly settings: ServiceSettings,
    private readonly infrastructure: Infrastructure,
    private readonly anchor: AnchorLink,
    private readonly files: StateWriter,
    private readonly log: Logger,
  ) {
    super();
    this.cluster.on('change', status => {
      this.log.info(
        { service: status.name, state: status.state, pid: status.pid, reason: status.reason },
        'service',
      );
      if (status.state === 'ready') this.emit('progress', `${status.name} is ready`);
      if (status.state === 'backoff')
        this.emit('progress', `${status.name} ended (${status.reason}); starting it again`);
      this.publish();
    });
  }

  /**
   * Takes the control socket: from now on this is the cluster's one supervisor.
   * @throws V3Error ALREADY_RUNNING
   */
  async acquire(): Promise<void> {
    const { socket, cluster } = this.files.files;
    // Of two that start in the same moment, both would see nobody answer.
    await withLock(`${cluster}.lock`, async () => {
      const other = await new ControlClient(socket).status().catch(() => undefined);
      if (other) {
        const where = other.url ? `at ${other.url}` : `(it is ${other.state})`;
        throw new V3Error(
          'ALREADY_RUNNING',
          `${where}, supervised by process ${other.pid}; "v3 down" stops it`,
        );
      }
      this.control = await listenForControl(socket, this);
    });
    this.requireNotStopping();
    this.files.ensureToken();
    this.publish();
    this.rotation = setInterval(() => this.rotateLogs(), ROTATE_EVERY_MS);
  }

  /** Starts everything for `wanted`; with `apply`, makes the cluster what it says. */
  async up(wanted: Topology, apply: boolean): Promise<string> {
    await requireFree(this.options.port ?? 0, this.options.listen);
    this.requireNotStopping();
    // What was applied last may have VMs on hosts that are no longer declared: apply must reach them.
    this.hosts = { ...this.files.readTopology()?.hosts, ...(apply ? wanted.hosts : {}) };
    const members = [...this.infrastructure.members, ...commonMembers(this.settings)];
    for (const [name, spec] of Object.entries(this.hosts))
      members.push(...hostMembers(this.settings, name, spec));
    await this.infrastructure.admit(Object.keys(this.hosts));
    await this.cluster.start(members);
    this.requireNotStopping();
    this.files.writeNatsUrl(this.settings.natsUrl(OPERATOR));
    this.state = 'running';
    this.publish();
    return this.url as string;
  }

  async apply(wanted: Topology): Promise<ApplyResult['changes']> {
    // One that nobody signed but itself is its own authority.
    const ca = await readCa({ V3_CA: process.env.V3_CA ?? process.env.V3_TLS_CERT });
    const client = new Client({ url: this.url as string, token: this.files.token(), ca });
    try {
      const onProgress = (text: string) => void this.emit('progress', text);
      const changes = await client.apply(wanted, { onProgress, signal: this.stopSignal.signal });
      await this.putHosts({ hosts: wanted.hosts, prune: true }, onProgress);
      this.putTopology(wanted);
      return changes;
    } finally {
      client.close();
    }
  }

  status(): ClusterStatus {
    const { state, startedAt, url } = this;
    return { state, pid: process.pid, url, grpc: this.grpc, startedAt, services: this.cluster.services };
  }

  /** Stops everything in order. Called again it waits for the same stop. */
  async down(onProgress: (text: string) => void = () => {}): Promise<void> {
    this.on('progress', onProgress);
    this.stopping ??= this.stopAll();
    await this.stopping.finally(() => this.off('progress', onProgress));
  }

  /** After `down`: lets who waits on the control socket have the answer. */
  async release(): Promise<void> {
    const { control } = this;
    if (!control) return;
    const closed = new Promise(resolve => control.close(resolve));
    await Promise.race([closed, new Promise(resolve => setTimeout(resolve, 2_000).unref())]);
  }

  /** Ends everything at once; guests are not saved. */
  kill(): void {
    this.log.warn('killing all services');
    this.cluster.kill();
  }

  get isStopping(): boolean {
    return this.stopping !== undefined;
  }

  /** What the stop waits for at this moment. */
  get unfinished(): string[] {
    return this.cluster.services.filter(({ state }) => state === 'stopping').map(({ name }) => name);
  }

  putHosts(
    request: HostsRequest & { hosts: Hosts },
    onProgress: (text: string) => void,
  ): Promise<HostChanges> {
    const change = this.hostWork.then(() => this.changeHosts(request.hosts, request.prune, onProgress));
    this.hostWork = change.catch(() => {});
    return change;
  }

  putTopology(applied: Topology): void {
    this.files.writeTopology(applied);
  }

  private async changeHosts(
    wanted: Hosts,
    prune: boolean,
    onProgress: (text: string) => void,
  ): Promise<HostChanges> {
    this.requireNotStopping();
    const names = Object.keys(wanted);
    const started = names.filter(name => !this.hosts[name]);
    const restarted = names.filter(
      name => this.hosts[name] && !same(this.hosts[name], wanted[name] as HostSpec),
    );
    const stopped = prune ? Object.keys(this.hosts).filter(name => !wanted[name]) : [];
    if (restarted.length) onProgress(`stopping ${restarted.join(', ')} to change it; guests are saved`);
    await this.cluster.stop([...restarted, ...stopped].flatMap(hostMemberNames));
    for (const name of stopped) delete this.hosts[name];
    for (const name of [...started, ...restarted]) {
      onProgress(`starting host ${name}`);
      this.hosts[name] = wanted[name] as HostSpec;
    }
    await this.infrastructure.admit(Object.keys(this.hosts));
    await this.cluster.start(
      [...started, ...restarted].flatMap(name => hostMembers(this.settings, name, wanted[name] as HostSpec)),
    );
    return { started, restarted, stopped };
  }

  private requireNotStopping(): void {
    if (this.stopping) throw new V3Error('NOT_RUNNING', 'it is stopping');
  }

  /** Where the gateway serves gRPC, while it does. */
  get grpc(): string | undefined {
    return this.cluster.services.find(({ name }) => name === 'gateway')?.grpc;
  }

  private async stopAll(): Promise<void> {
    this.state = 'stopping';
    this.stopSignal.abort(new V3Error('NOT_RUNNING', 'it is stopping'));
    this.publish();
    this.emit('progress', 'stopping; running guests are saved (a second Ctrl-C tells what it waits for)');
    await this.cluster.stop();
    clearInterval(this.rotation);
    this.anchor.close();
    // Without the socket we never were the cluster's supervisor: the file is another one's.
    if (this.control) this.files.removeCluster();
    this.emit('stopped');
  }

  /** Tells the world (cluster.json) and the anchor what runs. */
  private publish(): void {
    const { services } = this.cluster;
    this.url = services.find(({ name }) => name === 'gateway')?.url ?? this.url;
    if (!this.control) return;
    this.files.writeCluster({
      pid: process.pid,
      url: this.state === 'starting' ? null : this.url,
      startedAt: this.startedAt,
      services: Object.fromEntries(services.map(({ name, pid, url }) => [name, { pid, url }])),
    });
    const { infrastructure } = this.settings;
    this.files.writePrometheusTargets(
      prometheusTargets(services.filter(({ name }) => !infrastructure.includes(name))),
    );
    this.anchor.guard(
      services.flatMap(({ name, pid }) => (pid !== null && !infrastructure.includes(name) ? [pid] : [])),
      [this.files.files.cluster, this.files.files.socket],
    );
  }

  private rotateLogs(): void {
    for (const log of this.settings.logs.values()) rotate(log, this.log);
  }
}

/** Those that have an address; one that is down keeps it, so that its absence is seen. */
function prometheusTargets(services: readonly ServiceStatus[]): TargetGroup[] {
  return services.flatMap(({ name, url }) => {
    if (url === null) return [];
    const [, service = name, host] = /^(kitten|palacios)-(.*)$/.exec(name) ?? [];
    return [{ targets: [new URL(url).host], labels: { service, ...(host && { host }) } }];
  });
}

function rotate(log: LogFile, report: Logger): void {
  try {
    log.rotateIfLarge();
  } catch (error) {
    report.error({ err: error, file: log.path }, 'a log cannot be rotated');
  }
}

function same(a: HostSpec | undefined, b: HostSpec): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** The gateway would fail too, but this says it before anything was started. */
async function requireFree(port: number, address: string): Promise<void> {
  const server = createTcpServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const reason =
        cause.code === 'EADDRINUSE'
          ? `port ${port} on ${address} is taken by another process; choose another with --port N, or leave --port out for a free one`
          : cause.code === 'EADDRNOTAVAIL' || cause.code === 'ENOTFOUND'
            ? `${address} is not an address of this machine; choose one of its own with --listen`
            : `cannot listen on ${address} port ${port} (${cause.code}); choose others with --listen and --port`;
      reject(new V3Error(cause.code === 'EADDRINUSE' ? 'PORT_IN_USE' : 'USAGE', reason, { cause }));
    });
    server.listen(port, address, resolve);
  });
  await new Promise(resolve => server.close(resolve));
}

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Bus } from '@v3vee/bus';
import {
  connectLocal,
  ControlClient,
  execInVm,
  stateFiles,
  type Client,
  type ExecOutcome,
  type ServiceStatus,
} from '@v3vee/client';
import { kittenCalls, V3Error, type Allocation, type Host, type Vm } from '@v3vee/contracts';
import { TestCluster } from '@v3vee/testkit';
import { Client as Database } from 'pg';
import { Violation } from './violation.fixture';

/** What a machine that is busy with other things may take for anything. */
export const PATIENCE_MS = 480_000;

/** Who may run a VM, as Postgres has it. */
export interface Owner {
  id: string;
  host: string;
  epoch: number;
}

/** What a Palacios says of itself in `/metrics`. */
export interface Seen {
  /** By name: each VM that it knows. */
  vms: Map<string, { id: string; epoch: number; hasMachine: boolean; instructions: number | undefined }>;
  /** Guests' threads. */
  workers: number;
  files: number;
  residentMiB: number;
}

/** A real cluster, seen from all sides. */
export class World {
  private database: Promise<Database> | undefined;

  private constructor(
    readonly cluster: TestCluster,
    readonly client: Client,
    private readonly control: ControlClient,
    private readonly password: string,
  ) {}

  static async up(topologyFile: string, env: NodeJS.ProcessEnv): Promise<World> {
    const cluster = await TestCluster.up({ topologyFile, env });
    const client = await connectLocal(cluster.stateDir, {}, { retryForMs: PATIENCE_MS });
    const password = await readFile(join(cluster.stateDir, 'postgres', 'password'), 'utf8');
    const control = new ControlClient(stateFiles(cluster.stateDir).socket);
    return new World(cluster, client, control, password.trim());
  }

  async down(): Promise<void> {
    this.client.close();
    await this.database?.then(database => database.end()).catch(() => undefined);
    await this.cluster.down();
  }

  // ---- services ------------------------------------------------------------------------------------------------

  async services(): Promise<ServiceStatus[]> {
    const status = await this.control.status();
    if (!status) throw new Violation('the supervisor does not answer any more');
    return status.services;
  }

  async service(name: string): Promise<ServiceStatus> {
    const found = (await this.services()).find(service => service.name === name);
    if (!found) throw new Error(`there is no service ${name}`);
    return found;
  }

  // ---- what is asked of the gateway ------------------------------------------------------------------------------

  hosts(): Promise<Host[]> {
    return this.client.list('listHosts');
  }
  vms(): Promise<Vm[]> {
    return this.client.list('listVms');
  }

  /** Asked again while the gateway or the guest's host is away. The command may run more than once. */
  async sh(vm: string, script: string, input?: Uint8Array): Promise<ExecOutcome> {
    const end = Date.now() + PATIENCE_MS;
    for (;;) {
      try {
        return await execInVm(this.client, vm, ['sh', '-c', script], { input, timeoutSeconds: 180 });
      } catch (thrown) {
        const error = V3Error.from(thrown);
        if (error.code === 'INTERNAL' || Date.now() > end) {
          throw new Violation(`no answer of ${vm} to "${script}": ${error.message}`);
        }
        await delay(500);
      }
    }
  }

  // ---- what is asked of the others -------------------------------------------------------------------------------

  /** @throws Error Postgres does not answer */
  async owners(): Promise<Map<string, Owner>> {
    const database = await (this.database ??= this.connect());
    const { rows } = await database.query<Owner & { name: string }>(
      'SELECT name, id, owner_host AS host, epoch FROM vm',
    );
    return new Map(rows.map(({ name, ...owner }) => [name, { ...owner, epoch: Number(owner.epoch) }]));
  }

  private async connect(): Promise<Database> {
    const url = new URL((await this.service('postgres')).url ?? 'postgres://nowhere');
    url.password = this.password;
    const database = new Database({ connectionString: url.toString(), query_timeout: 60_000 });
    const lost = () => (this.database = undefined);
    // It may be killed at any moment.
    database.on('error', lost).on('end', lost);
    return database.connect().then(
      () => database,
      (thrown: unknown) => {
        lost();
        throw thrown;
      },
    );
  }

  /** What each Kitten has given away, by host. @throws V3Error one does not answer */
  async allocations(hosts: readonly string[]): Promise<Map<string, Allocation[]>> {
    const bus = await Bus.connect({ url: await this.cluster.natsUrl(), name: 'chaos' });
    try {
      const answers = hosts.map(async host => {
        const { allocations } = await bus.call(kittenCalls.inventory, host, {});
        return [host, allocations] as const;
      });
      return new Map(await Promise.all(answers));
    } finally {
      await bus.close();
    }
  }

  /** @throws Error it does not answer */
  async palacios(host: string): Promise<Seen> {
    const { url } = await this.service(`palacios-${host}`);
    const response = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(30_000) });
    return parsed(await response.text());
  }
}

/** The lines of a Prometheus text that matter here. */
function parsed(text: string): Seen {
  const lines = [...text.matchAll(/^(\w+)(?:\{(.*)\})? ([\d.eE+-]+)$/gm)].map(([, name, labels, value]) => ({
    name: name!,
    labels: Object.fromEntries(
      [...(labels ?? '').matchAll(/(\w+)="([^"]*)"/g)].map(match => [match[1], match[2]]),
    ),
    value: Number(value),
  }));
  const of = (name: string, labels: Record<string, string> = {}) =>
    lines.find(line => line.name === name && Object.entries(labels).every(([k, v]) => line.labels[k] === v))
      ?.value;
  const vms: Seen['vms'] = new Map();
  for (const { name, labels } of lines) {
    const { vm = '', id = '' } = labels;
    if (name !== 'v3_vm_info') continue;
    vms.set(vm, {
      id,
      epoch: of('v3_vm_epoch', { vm }) ?? 0,
      hasMachine: (of('v3_vm_memory_bytes', { vm }) ?? 0) > 0,
      instructions: of('v3_vm_instructions_total', { vm }),
    });
  }
  return {
    vms,
    workers: of('nodejs_active_handles', { type: 'MessagePort' }) ?? 0,
    files: of('process_open_fds') ?? 0,
    residentMiB: (of('process_resident_memory_bytes') ?? 0) / 2 ** 20,
  };
}

import { setTimeout as delay } from 'node:timers/promises';
import { execInVm, followMigration, waitForVm } from '@v3vee/client';
import type { Migration, MigrationOptions } from '@v3vee/contracts';
import { LabCluster } from '../../cluster';
import type { Lab, LabContext } from '../../lab';
import { percentile, row, type LabRow, type Target } from '../../result';
import { END, loads, type Load } from './loads';
import { seenBy, type Pings } from './pings';

/** The guest that moves, of each size, and its peer, which stays. */
const TOPOLOGY = [
  'hosts: { alpha: { memory: 512MiB, cores: 6 }, beta: { memory: 512MiB, cores: 6 } }',
  'networks: { lan: { subnet: 10.10.0.0/24 } }',
  'vms:',
  '  m64: { host: alpha, memory: 64MiB, nics: [{ network: lan, ip: 10.10.0.11/24 }] }',
  '  m128: { host: alpha, memory: 128MiB, nics: [{ network: lan, ip: 10.10.0.12/24 }] }',
  '  peer: { host: alpha, memory: 64MiB, nics: [{ network: lan, ip: 10.10.0.20/24 }] }',
  '',
].join('\n');
const MEMORY = { m64: 64, m128: 128 } as const;
type Guest = keyof typeof MEMORY;
const ADDRESS = { m64: '10.10.0.11', m128: '10.10.0.12' } as const;
/** Traffic and load are under way when the move begins. */
const LEAD_MS = 1_000;
const PINGS = 'ping -i 0.01 -c 400';
const PRE_COPY_CLAIM = '60 ms (Clark et al., a game server under Xen)';

type Mode = MigrationOptions['mode'];

/** One move, from both sides. */
interface Move {
  migration: Migration;
  seen: Pings;
  broken: boolean;
}

export const migrationLab: Lab = {
  name: 'migration',
  summary: 'live migration by pre-copy against stop and copy: downtime, time, bytes, what is lost',
  defaultRuns: 5,
  async run(context) {
    context.progress('starting a cluster of two hosts');
    const lab = new MigrationLab(context, await LabCluster.up(context, TOPOLOGY));
    await lab.warmUp();
    const rows: LabRow[] = [];
    for (const load of loads) rows.push(...(await lab.measure('m64', load)));
    rows.push(...(await lab.measure('m128', { name: 'idle' })));
    return rows;
  },
};

class MigrationLab {
  constructor(
    private readonly context: LabContext,
    private readonly cluster: LabCluster,
  ) {}

  /** The first moves translate what a guest needs to go on, and make the templates. */
  async warmUp(): Promise<void> {
    for (const guest of ['m64', 'm128'] as const) {
      for (let i = 0; i < 2; i++) {
        this.context.progress(`warming up, ${guest}`);
        await this.move(guest, { name: 'idle' }, 'precopy');
      }
    }
  }

  async measure(guest: Guest, load: Load): Promise<LabRow[]> {
    const moves: Record<Mode, Move[]> = { precopy: [], 'stop-and-copy': [] };
    const { runs } = this.context;
    if (load.begin) await this.sh(guest, load.begin);
    for (let i = 0; i < runs; i++) {
      for (const mode of i % 2
        ? (['stop-and-copy', 'precopy'] as const)
        : (['precopy', 'stop-and-copy'] as const)) {
        this.context.progress(`${MEMORY[guest]} MiB, ${load.name}, ${mode}, ${i + 1} of ${runs}`);
        moves[mode].push(await this.move(guest, load, mode));
      }
    }
    await this.sh(guest, END);
    return rowsOf(`${MEMORY[guest]} MiB, ${load.name}`, load, moves);
  }

  private async move(guest: Guest, load: Load, mode: Mode): Promise<Move> {
    const { client } = this.cluster;
    const address = ADDRESS[guest];
    const traffic = load.traffic?.replace('TARGET', address);
    const streaming =
      traffic &&
      this.sh('peer', traffic).then(
        () => false,
        () => true,
      );
    const pinging = this.sh('peer', `${PINGS} ${address} || true`);
    // Looked at below; a lab that is stopped before must not end with it.
    pinging.catch(() => undefined);
    await delay(LEAD_MS, undefined, { signal: this.context.signal });
    const host = (await this.cluster.vm(guest)).host === 'alpha' ? 'beta' : 'alpha';
    const { id } = await client.call('migrateVm', { vm: guest }, { body: { host, mode } });
    const migration = await followMigration(client, id, { signal: this.context.signal });
    if (migration.phase !== 'COMPLETED')
      throw new Error(`${guest} did not move to ${host}: ${migration.reason}`);
    const seen = seenBy(await pinging);
    return { migration, seen, broken: (await streaming) || false };
  }

  private async sh(vm: string, command: string): Promise<string> {
    await waitForVm(this.cluster.client, vm, 'agent');
    const { exitCode, stdout, stderr } = await execInVm(this.cluster.client, vm, ['sh', '-c', command], {
      timeoutSeconds: 90,
    });
    if (exitCode !== 0) throw new Error(`${vm}: ${command}: ${stderr.toString()}${stdout.toString()}`);
    return stdout.toString();
  }
}

/** Milliseconds from the first phase to the end. */
const totalMs = ({ phases }: Migration): number => Date.parse(phases.at(-1)!.at) - Date.parse(phases[0]!.at);

function rowsOf(where: string, load: Load, moves: Readonly<Record<Mode, readonly Move[]>>): LabRow[] {
  const ms = (value: number | undefined): Target | undefined =>
    value === undefined ? undefined : { of: 'ours', op: '<=', value };
  const both = (name: string, unit: string, of: (move: Move) => number, target?: Target, claim?: string) =>
    row({
      name: `${name}, ${where}`,
      unit,
      baseline: { name: 'stop and copy', values: moves['stop-and-copy'].map(of) },
      ours: { name: 'pre-copy', values: moves.precopy.map(of) },
      ...(target ? { target } : {}),
      ...(claim ? { claim } : {}),
    });
  const ours = (name: string, unit: string, values: number[], target?: Target) =>
    row({
      name: `${name}, ${where}`,
      unit,
      ours: { name: 'pre-copy', values },
      ...(target ? { target } : {}),
    });
  const gaps = moves.precopy.map(({ seen }) => seen.gapMs);
  const limit = ms(load.atMostMs);
  return [
    both('downtime seen by a peer', 'ms', ({ seen }) => seen.gapMs, limit, limit && PRE_COPY_CLAIM),
    ours('downtime seen by a peer, p95', 'ms', [percentile(gaps, 0.95)]),
    both('downtime seen by the hosts', 'ms', ({ migration }) => migration.downtimeMs ?? NaN),
    both('time in all', 'ms', ({ migration }) => totalMs(migration)),
    both(
      'sent',
      'MiB',
      ({ migration }) => migration.bytesSent / 2 ** 20,
      load.name === 'idle' ? { of: 'ours', op: '<=', value: 2 } : undefined,
    ),
    ours(
      'rounds',
      'rounds',
      moves.precopy.map(({ migration }) => migration.rounds.length),
    ),
    both('pings lost, at 10 ms', 'pings', ({ seen }) => seen.lost, { of: 'ours', op: '<=', value: 1 }),
    ...(load.traffic
      ? [
          ours('connections lost', 'connections', [moves.precopy.filter(({ broken }) => broken).length], {
            ...{ of: 'ours', op: '<=', value: 0 },
          }),
        ]
      : []),
  ];
}

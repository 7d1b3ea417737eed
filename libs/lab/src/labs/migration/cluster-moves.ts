import { setTimeout as delay } from 'node:timers/promises';
import { execInVm, followMigration, waitForVm } from '@v3vee/client';
import type { MigrationOptions } from '@v3vee/contracts';
import { LabCluster } from '../../cluster';
import type { LabContext } from '../../lab';
import type { Case } from './loads';
import type { Move, Pair } from './move';

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
const GUESTS = {
  64: { vm: 'm64', address: '10.10.0.11' },
  128: { vm: 'm128', address: '10.10.0.12' },
} as const;

const STAY_MS = 1_000;

export type Mode = MigrationOptions['mode'];

/** Moves between two hosts of a cluster of ours. */
export class ClusterMoves {
  private constructor(
    private readonly context: LabContext,
    private readonly cluster: LabCluster,
  ) {}

  /** The first moves translate what a guest needs to go on, and make the templates. */
  static async open(context: LabContext): Promise<ClusterMoves> {
    context.progress('starting a cluster of two hosts');
    const moves = new ClusterMoves(context, await LabCluster.up(context, TOPOLOGY));
    for (const memoryMiB of [64, 128] as const) {
      for (let i = 0; i < 2; i++) {
        context.progress(`warming up, ${memoryMiB} MiB`);
        await moves.move(memoryMiB, 'precopy');
      }
    }
    return moves;
  }

  pair(memoryMiB: Case['memoryMiB'], mode: Mode): Pair {
    const { vm, address } = GUESTS[memoryMiB];
    return {
      address,
      guest: command => this.sh(vm, command),
      peer: command => this.sh('peer', command),
      move: () => this.move(memoryMiB, mode),
    };
  }

  /** The same guest, which stays where it is for as long as a move takes: what a peer sees then is not the move's doing. */
  staying(memoryMiB: Case['memoryMiB']): Pair {
    const move = async () => {
      await delay(STAY_MS, undefined, { signal: this.context.signal });
      return { hostMs: 0, totalMs: STAY_MS, sentMiB: 0, rounds: [], lastPages: 0 };
    };
    return { ...this.pair(memoryMiB, 'precopy'), move };
  }

  private async move(
    memoryMiB: Case['memoryMiB'],
    mode: Mode,
  ): Promise<Omit<Move, 'usedMiB' | 'seen' | 'broken'>> {
    const { client } = this.cluster;
    const { vm } = GUESTS[memoryMiB];
    const host = (await this.cluster.vm(vm)).host === 'alpha' ? 'beta' : 'alpha';
    const { id } = await client.call('migrateVm', { vm }, { body: { host, mode } });
    const ended = await followMigration(client, id, { signal: this.context.signal });
    const { phase, phases, reason, downtimeMs, bytesSent, pagesSent, rounds } = ended;
    if (phase !== 'COMPLETED') throw new Error(`${vm} did not move to ${host}: ${reason}`);
    return {
      hostMs: downtimeMs ?? NaN,
      totalMs: Date.parse(phases.at(-1)!.at) - Date.parse(phases[0]!.at),
      sentMiB: bytesSent / 2 ** 20,
      rounds,
      lastPages: rounds.reduce((left, { pages }) => left - pages, pagesSent),
    };
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

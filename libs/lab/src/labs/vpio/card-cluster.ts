import { waitForVm } from '@v3vee/client';
import type { CardModel, DmmDevice } from '@v3vee/contracts';
import { LabCluster } from '../../cluster';
import type { LabContext } from '../../lab';
import type { Pair, Station } from '../vnet/station';

/** The guests that ask and send, by how they are connected; `s` answers all of them. */
const ADDRESSES = { p1: 11, p2: 12, n: 13, e: 14, v: 15, s: 21 } as const;
type Name = keyof typeof ADDRESSES;

const SHARED_CARD = 'alpha/eth0';
/** Of the servers of iperf3: each serves one test at a time. */
export const PORTS = [5201, 5202] as const;

const ip = (name: Name): string => `10.10.0.${ADDRESSES[name]}`;

/**
 * One host with three cards of one model on one network: p1 and p2 share the first, n has the second for itself
 * (native), e the third with every access an exit; v has a virtio NIC. All are guests of that one host, s as well, so that
 * nothing but the card differs. p2 starts when it is needed: until then nobody shares with p1.
 */
export function topologyOf(model: CardModel): string {
  const vm = (name: Name, card = '', more = '') =>
    `  ${name}: { host: alpha, memory: 64MiB, nics: [{ network: lan, ip: ${ip(name)}/24${card} }]${more} }`;
  const cards = ['eth0', 'eth1', 'eth2'].map(name => `{ name: ${name}, model: ${model}, network: lan }`);
  return [
    'hosts:',
    `  alpha: { memory: 1GiB, cores: 8, nics: [${cards.join(', ')}] }`,
    'networks: { lan: { subnet: 10.10.0.0/24 } }',
    'vms:',
    vm('p1', ', device: eth0'),
    vm('p2', ', device: eth0', ', autostart: false'),
    vm('n', ', device: eth1, access: passthrough'),
    vm('e', ', device: eth2, access: emulated'),
    vm('v'),
    vm('s'),
    '',
  ].join('\n');
}

/** A cluster with the cards of one model; all guests but the server stand still until they are measured. */
export class CardCluster {
  private constructor(private readonly cluster: LabCluster) {}

  static async up(context: LabContext, model: CardModel): Promise<CardCluster> {
    const cards = new CardCluster(await LabCluster.up(context, topologyOf(model)));
    await cards.cluster.sh(
      's',
      `cd /; for p in ${PORTS.join(' ')}; do iperf3 -s -D -p $p >/dev/null 2>&1; done`,
    );
    for (const name of ['p1', 'n', 'e', 'v'] as const) await cards.station(name).pause();
    return cards;
  }

  down(): Promise<void> {
    return this.cluster.cluster.down();
  }

  /** Starts the second guest of the shared card. */
  async startSecond(): Promise<void> {
    await this.cluster.client.operate('startVm', { vm: 'p2' }, { body: {} });
    await waitForVm(this.cluster.client, 'p2', 'agent');
  }

  /** A guest with the one that answers it, which always runs. */
  pair(name: Exclude<Name, 's'>): Pair {
    const at = async () => undefined;
    return { client: this.station(name), server: { ...this.station('s'), run: at, pause: at } };
  }

  /** The card that p1 and p2 share, or with `emulated` that of e. */
  device(which: 'shared' | 'emulated' = 'shared'): Promise<DmmDevice> {
    const device = which === 'shared' ? SHARED_CARD : 'alpha/eth2';
    return this.cluster.client.call('getDevice', { device });
  }

  private station(name: Name): Station {
    return {
      ...{ name, ip: ip(name), mac: '' }, // the gateway draws it
      sh: command => this.cluster.sh(name, command),
      run: () => this.cluster.resume(name),
      pause: () => this.cluster.pause(name),
    };
  }
}

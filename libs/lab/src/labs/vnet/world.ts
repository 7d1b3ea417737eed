import type { NicSettingsPatch } from '@v3vee/contracts';
import { LabCluster } from '../../cluster';
import { debianImage } from '../../guest-image';
import type { LabContext } from '../../lab';
import { Host } from './host';
import type { GuestSpec } from './protocol';
import type { Pair, Station } from './station';

/** One host, for the cluster's own services; the lab's hosts join its overlay by themselves. */
const TOPOLOGY = 'hosts: { idle: { memory: 128MiB, cores: 1 } }\n';

const spec = (name: string, index: number): GuestSpec => ({
  name,
  mac: `02:00:0a:63:00:0${index}`,
  ip: `10.99.0.${index}`,
});

/** One of our guests: how its card is served can be changed while it runs. */
export interface LabStation extends Station {
  nic(settings: NicSettingsPatch): Promise<void>;
}

/**
 * Two emulated hosts, a process each, on the NATS server and the overlay router of a cluster: `a1` and `a2` on the
 * first, `b1` on the second. All guests stand still until they are measured.
 */
export class World {
  private constructor(
    private readonly hosts: readonly Host[],
    readonly oneHost: Pair<LabStation>,
    readonly twoHosts: Pair<LabStation>,
  ) {}

  static async start(context: LabContext): Promise<World> {
    context.progress('preparing the image');
    await debianImage();
    context.progress('starting a cluster without VMs, two hosts and three guests');
    const cluster = await LabCluster.up(context, TOPOLOGY);
    const url = await cluster.cluster.natsUrl();
    const hosts = [await Host.start(context, 'alpha', url), await Host.start(context, 'beta', url)] as const;
    const start = async (host: Host, guest: GuestSpec): Promise<LabStation> => {
      await host.call('start', guest);
      const { name } = guest;
      await host.call('pause', name);
      return {
        ...guest,
        sh: command => host.call('sh', name, command),
        run: () => host.call('run', name),
        pause: () => host.call('pause', name),
        nic: settings => host.call('nic', name, settings),
      };
    };
    const a1 = await start(hosts[0], spec('a1', 1));
    const [a2, b1] = await Promise.all([start(hosts[0], spec('a2', 2)), start(hosts[1], spec('b1', 3))]);
    return new World(hosts, { client: a1, server: a2 }, { client: a1, server: b1 });
  }

  /** All frames of these two take the shortest way there is, past the overlay. */
  async native({ client, server }: Pair): Promise<void> {
    await this.wire({ [client.name]: server.name, [server.name]: client.name });
  }

  async overlay(): Promise<void> {
    await this.wire(null);
  }

  private async wire(peers: Record<string, string> | null): Promise<void> {
    await Promise.all(this.hosts.map(host => host.call('wire', peers)));
  }
}

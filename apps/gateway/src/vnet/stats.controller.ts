import { Controller } from '@nestjs/common';
import { Bus } from '@v3vee/bus';
import { vnetCoreStats, type CoreStats, type VnetStats } from '@v3vee/contracts';
import { HostRepository, VnetLinkRepository } from '@v3vee/store';
import { HostDirectory } from '../hosts/host-directory';
import { Endpoint } from '../http/endpoint';
import { VnetClient } from './vnet-client';

/** Counters of the whole overlay, from those who count. */
@Controller()
export class VnetStatsController {
  constructor(
    private readonly bus: Bus,
    private readonly hosts: HostRepository,
    private readonly links: VnetLinkRepository,
    private readonly directory: HostDirectory,
    private readonly vnet: VnetClient,
  ) {}

  @Endpoint('vnetStats')
  async stats(): Promise<VnetStats> {
    const [hosts, links, status] = await Promise.all([
      this.hosts.all(),
      this.links.all(),
      this.vnet.status(),
    ]);
    const names = new Map(links.map(({ index, name }) => [index, name]));
    const answers = await Promise.all(
      hosts.map(async ({ name }) => ({ name, core: await this.coreOf(name) })),
    );
    const cores = answers.map(({ core }) => core).filter(core => core !== null);
    return {
      cores: status ? [...cores, status.core] : cores,
      router: status?.router ?? null,
      links: (status?.links ?? []).map(({ learned: _, ...link }) => ({
        ...link,
        name: names.get(link.index) ?? `link-${link.index}`,
      })),
      unreachable: [
        ...answers.filter(({ core }) => core === null).map(({ name }) => name),
        ...(status ? [] : ['vnet']),
      ],
    };
  }

  /** Null when the host does not answer. */
  private async coreOf(host: string): Promise<CoreStats | null> {
    try {
      return await this.directory.watching(host, signal =>
        this.bus.call(vnetCoreStats, host, {}, { signal }),
      );
    } catch {
      return null;
    }
  }
}

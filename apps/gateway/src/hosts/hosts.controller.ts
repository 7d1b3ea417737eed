import { Controller } from '@nestjs/common';
import { V3Error, type Host, type List } from '@v3vee/contracts';
import { HostRepository, type HostEntity } from '@v3vee/store';
import { Endpoint, Input, type InputOf } from '../http/endpoint';
import { PageTokens } from '../http/page-tokens';
import { HostDirectory } from './host-directory';

@Controller()
export class HostsController {
  constructor(
    private readonly hosts: HostRepository,
    private readonly directory: HostDirectory,
    private readonly pages: PageTokens,
  ) {}

  @Endpoint('listHosts')
  async list(@Input() { query }: InputOf<'listHosts'>): Promise<List<Host>> {
    const { pageSize, pageToken } = query;
    const after = pageToken === undefined ? undefined : (this.pages.open('hosts', pageToken) as string);
    const rows = await this.hosts.list({ after, limit: pageSize + 1 });
    return this.pages.page(
      'hosts',
      rows,
      pageSize,
      host => host.name,
      host => this.view(host),
    );
  }

  @Endpoint('getHost')
  async get(@Input() { params }: InputOf<'getHost'>): Promise<Host> {
    const host = await this.hosts.find(params.host);
    if (!host) throw new V3Error('HOST_NOT_FOUND', `there is no host "${params.host}"`);
    return this.view(host);
  }

  /** As declared (where cables lead is not Kitten's to know), with what its Kitten says is free; of a silent host nothing. */
  private view({ name, memoryMiB, cores, nics, radios }: HostEntity): Host {
    const { ready, reason } = this.directory.readiness(name);
    const inventory = this.directory.inventory(name);
    return {
      name,
      state: ready ? 'READY' : 'NOT_READY',
      reason,
      memoryMiB: inventory?.memoryMiB ?? memoryMiB,
      memoryFreeMiB: inventory?.memoryFreeMiB ?? 0,
      memoryLargestHoleMiB: inventory?.memoryLargestHoleMiB ?? 0,
      cores: inventory?.cores ?? cores,
      coresFree: inventory?.coresFree ?? 0,
      nics,
      radios: inventory?.radios ?? radios,
      vms: inventory?.allocations.filter(({ task }) => task.startsWith('vm/')).length ?? 0,
      heardAt: this.directory.heardAt(name)?.toISOString() ?? null,
    };
  }
}

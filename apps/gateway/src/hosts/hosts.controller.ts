import { Controller } from '@nestjs/common';
import { type Host, type List, type Operation } from '@v3vee/contracts';
import { HostRepository } from '@v3vee/store';
import { HostMaintenance } from '../failover/host-maintenance.service';
import { Endpoint, Input, type InputOf } from '../http/endpoint';
import { PageTokens } from '../http/page-tokens';
import { HostViews } from './host-views';

@Controller()
export class HostsController {
  constructor(
    private readonly hosts: HostRepository,
    private readonly views: HostViews,
    private readonly maintenance: HostMaintenance,
    private readonly pages: PageTokens,
  ) {}

  @Endpoint('listHosts')
  async list(@Input() { query }: InputOf<'listHosts'>): Promise<List<Host>> {
    const { pageSize, pageToken } = query;
    const after = pageToken === undefined ? undefined : (this.pages.open('hosts', pageToken) as string);
    const rows = await this.hosts.list({ after, limit: pageSize + 1 });
    return this.pages.page(
      'hosts',
      await this.views.viewAll(rows),
      pageSize,
      host => host.name,
      host => host,
    );
  }

  @Endpoint('getHost')
  async get(@Input() { params }: InputOf<'getHost'>): Promise<Host> {
    return this.views.show(params.host);
  }

  @Endpoint('cordonHost')
  async cordon(@Input() { params }: InputOf<'cordonHost'>): Promise<Host> {
    await this.maintenance.cordon(params.host, true);
    return this.views.show(params.host);
  }

  @Endpoint('uncordonHost')
  async uncordon(@Input() { params }: InputOf<'uncordonHost'>): Promise<Host> {
    await this.maintenance.cordon(params.host, false);
    return this.views.show(params.host);
  }

  @Endpoint('drainHost')
  drain(@Input() { params, caller }: InputOf<'drainHost'>): Promise<Operation> {
    return this.maintenance.drain(params.host, caller);
  }
}

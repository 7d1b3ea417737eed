import { Controller } from '@nestjs/common';
import type { List, VnetLink } from '@v3vee/contracts';
import { VnetLinkRepository, type LinkRecord } from '@v3vee/store';
import { Endpoint, Input, type InputOf } from '../http/endpoint';
import { PageTokens } from '../http/page-tokens';
import { noLink, OverlayChanges } from './overlay-changes.service';
import { linkView } from './overlay-views';
import { VnetClient } from './vnet-client';

@Controller()
export class LinksController {
  constructor(
    private readonly links: VnetLinkRepository,
    private readonly changes: OverlayChanges,
    private readonly vnet: VnetClient,
    private readonly pages: PageTokens,
  ) {}

  @Endpoint('listLinks')
  async list(@Input() { query }: InputOf<'listLinks'>): Promise<List<VnetLink>> {
    const { pageSize, pageToken } = query;
    const after = pageToken === undefined ? undefined : (this.pages.open('links', pageToken) as number);
    const [rows, status] = await Promise.all([
      this.links.list({ after, limit: pageSize + 1 }),
      this.vnet.status(),
    ]);
    return this.pages.page(
      'links',
      rows,
      pageSize,
      link => link.index,
      link => linkView(link, status),
    );
  }

  @Endpoint('getLink')
  async get(@Input() { params }: InputOf<'getLink'>): Promise<VnetLink> {
    return this.view(await this.find(params.link));
  }

  @Endpoint('createLink')
  async create(@Input() { body }: InputOf<'createLink'>): Promise<VnetLink> {
    return this.view((await this.changes.commit(edit => edit.addLink(body))).result);
  }

  @Endpoint('updateLink')
  async update(@Input() { params, body }: InputOf<'updateLink'>): Promise<VnetLink> {
    const link = await this.links.update((await this.find(params.link)).index, body);
    await this.vnet.reload();
    return this.view(link);
  }

  @Endpoint('deleteLink')
  async delete(@Input() { params }: InputOf<'deleteLink'>): Promise<object> {
    await this.changes.commit(edit => edit.removeLink(params.link));
    return {};
  }

  private async find(indexOrName: string): Promise<LinkRecord> {
    const link = await this.links.find(indexOrName);
    if (!link) throw noLink(indexOrName);
    return link;
  }

  private async view(link: LinkRecord): Promise<VnetLink> {
    return linkView(link, await this.vnet.status());
  }
}

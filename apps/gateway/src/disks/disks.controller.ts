import { pipeline } from 'node:stream/promises';
import { Controller, Param, Req, Res } from '@nestjs/common';
import type { Disk, List } from '@v3vee/contracts';
import type { Request, Response } from 'express';
import { Endpoint, Input, Stream, type InputOf } from '../http/endpoint';
import { PageTokens } from '../http/page-tokens';
import { Disks } from './disks.service';

@Controller()
export class DisksController {
  constructor(
    private readonly disks: Disks,
    private readonly pages: PageTokens,
  ) {}

  @Endpoint('listDisks')
  async list(@Input() { query }: InputOf<'listDisks'>): Promise<List<Disk>> {
    const { pageSize, pageToken } = query;
    const after = pageToken === undefined ? '' : (this.pages.open('disks', pageToken) as string);
    const disks = (await this.disks.list()).filter(({ name }) => name > after);
    return this.pages.page(
      'disks',
      disks,
      pageSize,
      disk => disk.name,
      disk => disk,
    );
  }

  // Before `getDisk`, whose {disk} would take `<name>:export` too.
  @Stream('exportDisk')
  async export(
    @Param('disk') name: string,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const { bytes, parts } = await this.disks.export(name);
    response.setHeader('Content-Type', 'application/octet-stream');
    response.setHeader('Content-Disposition', `attachment; filename="${name.replace('/', '-')}.img"`);
    response.setHeader('Cache-Control', 'no-store');
    response.setHeader('Content-Length', bytes);
    if (request.method === 'HEAD') return void response.end();
    // A client that left, or damage in the middle: either way the connection ends too early.
    await pipeline(parts, response).catch(() => undefined);
  }

  @Endpoint('getDisk')
  get(@Input() { params }: InputOf<'getDisk'>): Promise<Disk> {
    return this.disks.get(params.disk);
  }

  @Endpoint('createDisk')
  create(@Input() { body }: InputOf<'createDisk'>): Promise<Disk> {
    return this.disks.create(body);
  }

  @Endpoint('deleteDisk')
  async delete(@Input() { params }: InputOf<'deleteDisk'>): Promise<object> {
    await this.disks.delete(params.disk);
    return {};
  }
}

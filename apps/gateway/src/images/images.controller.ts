import { Controller, HttpCode, Param, Req } from '@nestjs/common';
import { MAX_IMAGE_BYTES, V3Error, type Image, type List } from '@v3vee/contracts';
import { SnapshotRepository, VmRepository } from '@v3vee/store';
import type { Request } from 'express';
import { Endpoint, Input, Stream, type InputOf } from '../http/endpoint';
import { PageTokens } from '../http/page-tokens';
import { BlobStore } from './blob-store';
import { ImageCatalogue } from './image-catalogue';

@Controller()
export class ImagesController {
  constructor(
    private readonly images: ImageCatalogue,
    private readonly blobs: BlobStore,
    private readonly vms: VmRepository,
    private readonly snapshots: SnapshotRepository,
    private readonly pages: PageTokens,
  ) {}

  @Endpoint('listImages')
  async list(@Input() { query }: InputOf<'listImages'>): Promise<List<Image>> {
    const { pageSize, pageToken } = query;
    const after = pageToken === undefined ? '' : (this.pages.open('images', pageToken) as string);
    const images = (await this.images.list()).filter(({ name }) => name > after);
    return this.pages.page(
      'images',
      images,
      pageSize,
      image => image.name,
      image => image,
    );
  }

  @Endpoint('getImage')
  get(@Input() { params }: InputOf<'getImage'>): Promise<Image> {
    return this.images.get(params.image);
  }

  @Endpoint('importImage')
  async import(@Input() { body }: InputOf<'importImage'>): Promise<Image> {
    const { name, kernel, initrd, cmdline } = body;
    const files = {
      name,
      cmdline,
      kernel: await this.blobs.path(kernel, MAX_IMAGE_BYTES),
      initrd: initrd === undefined ? undefined : await this.blobs.path(initrd, MAX_IMAGE_BYTES),
    };
    const image = await this.images.import(files);
    for (const blob of [kernel, initrd]) if (blob !== undefined) await this.blobs.remove(blob);
    return image;
  }

  @Endpoint('deleteImage')
  async delete(@Input() { params }: InputOf<'deleteImage'>): Promise<object> {
    const { name } = await this.images.get(params.image);
    const users = [...(await this.vms.usingImage(name)), ...(await this.snapshots.usingImage(name))];
    if (users.length > 0) {
      throw new V3Error('IMAGE_IN_USE', `image ${name} is used by ${users.join(', ')}; delete those first`);
    }
    await this.images.remove(name);
    return {};
  }

  @Stream('putBlob')
  @HttpCode(201)
  async upload(
    @Param('sha256') sha256: string,
    @Req() request: Request,
  ): Promise<{ sha256: string; bytes: number }> {
    const length = request.headers['content-length'];
    const { bytes } = await this.blobs.put(
      sha256,
      request,
      length === undefined ? undefined : Number(length),
    );
    return { sha256, bytes };
  }
}

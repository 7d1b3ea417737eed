import { join } from 'node:path';
import { Injectable } from '@nestjs/common';
import { V3Error, type Image } from '@v3vee/contracts';
import { ImageStore, type ImageImport, type StoredImage } from '@v3vee/machine';
import { Config } from '@v3vee/service';
import type { GatewayConfig } from '../config';

/** The images of this installation as clients see them: those set-up built, and those users imported. */
@Injectable()
export class ImageCatalogue {
  private readonly store: ImageStore;

  constructor(@Config() config: GatewayConfig) {
    this.store = new ImageStore({
      builtIn: join(config.V3_CACHE_DIR, 'images'),
      imported: join(config.V3_STATE_DIR, 'images'),
    });
  }

  /** By name. */
  async list(): Promise<Image[]> {
    return (await this.store.list()).map(view);
  }

  /** @throws V3Error IMAGE_NOT_FOUND, IMAGE_CORRUPT */
  async get(name: string): Promise<Image> {
    return view(await this.store.get(name));
  }

  /** @throws V3Error INVALID_REQUEST when guests of an image cannot have Wi-Fi NICs */
  async assertWifi(name: string): Promise<void> {
    const images = await this.list();
    const message = wifiProblem(name, images);
    if (!message) return;
    throw new V3Error('INVALID_REQUEST', `image: ${message}`, { fields: [{ path: 'image', message }] });
  }

  /** @throws V3Error IMAGE_EXISTS, IMAGE_INVALID, STORAGE_FULL */
  async import(files: ImageImport): Promise<Image> {
    return view(await this.store.import(files));
  }

  /** @throws V3Error IMAGE_NOT_FOUND, IMAGE_IN_USE for a built one */
  remove(name: string): Promise<void> {
    return this.store.remove(name);
  }
}

/** Why guests of an image cannot have Wi-Fi NICs; undefined: they can, or there is no such image. */
export function wifiProblem(name: string, images: readonly Image[]): string | undefined {
  if (images.find(image => image.name === name)?.wifi !== false) return undefined;
  const able = images.filter(({ wifi }) => wifi).map(image => image.name);
  const which = able.join(', ') || 'none yet (./v3 image build debian-wifi)';
  return `the image ${name} has no drivers for Wi-Fi NICs; images that have them are: ${which}`;
}

function view({ name, kind, manifest }: StoredImage): Image {
  const { digest, kernel, initrd, cmdline, agent, createdAt, packages } = manifest;
  return {
    name,
    digest,
    kind,
    kernelBytes: kernel.size,
    initrdBytes: initrd?.size ?? 0,
    cmdline,
    agent,
    // What is in an imported one only its owner knows.
    wifi: kind === 'imported' || packages.some(({ name: program }) => program === 'iw'),
    createdAt,
  };
}

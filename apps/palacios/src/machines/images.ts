import type { BootImage, ImageStore, LoadedImage, StoredImage } from '@v3vee/machine';

/** The images of this host's guests. Each is in memory once at most, and only while a guest may need to boot it. */
export class Images {
  readonly #loaded = new Map<string, WeakRef<LoadedImage>>();

  constructor(private readonly store: Pick<ImageStore, 'get' | 'load'>) {}

  /** @throws V3Error IMAGE_NOT_FOUND, IMAGE_CORRUPT */
  get(name: string): Promise<StoredImage> {
    return this.store.get(name);
  }

  /** @throws V3Error IMAGE_NOT_FOUND, IMAGE_CORRUPT */
  async load({ name, manifest }: StoredImage): Promise<BootImage> {
    const present = this.#loaded.get(manifest.digest)?.deref();
    if (present) return present;
    const image = await this.store.load(name);
    this.#loaded.set(image.manifest.digest, new WeakRef(image));
    return image;
  }
}

/** For guests that go on from a state: they have nothing to boot. */
export const NO_IMAGE: BootImage = {
  kernelFormat: 'elf',
  kernel: new Uint8Array(),
  bootHeader: new Uint8Array(),
  initrd: new Uint8Array(),
  cmdline: '',
};

import { readFile, readdir, realpath, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { V3Error, resourceName } from '@v3vee/contracts';
import {
  createFolder,
  imageDigest,
  imageManifestSchema,
  readJson,
  removeLeftOvers,
  sha256,
  temporaryName,
  writeFileAtomic,
  type ImageManifest,
} from '@v3vee/setup';
import { checkInitrd } from './initrd-check';
import { checkKernel } from './kernel-check';

export interface StoredImage {
  name: string;
  /** `built` from a recipe of the checkout, or `imported` by a user. */
  kind: 'built' | 'imported';
  folder: string;
  manifest: ImageManifest;
}

/** An image's contents, checked against its manifest: what a machine boots. */
export interface LoadedImage extends StoredImage {
  kernelFormat: 'elf' | 'bzimage';
  kernel: Uint8Array;
  bootHeader: Uint8Array;
  /** Empty where the image has none. */
  initrd: Uint8Array;
  cmdline: string;
}

export interface ImageImport {
  name: string;
  /** Path of a 32-bit bzImage or ELF vmlinux. */
  kernel: string;
  /** Path of a cpio archive, plain or compressed. */
  initrd?: string;
  cmdline: string;
}

export interface ImageRoots {
  /** Where set-up puts built images, `<cache>/images`; only read. */
  builtIn: string;
  /** Where imported images go; without it nothing can be imported. */
  imported?: string;
}

/** More than this fits into no guest. */
const largestFile = 512 << 20;
const longestCommandLine = 2047;

/** The images of a cluster: a folder each, with its manifest.json. */
export class ImageStore {
  /** Contents that this process has checked, by folder and digest. */
  private readonly verified = new Set<string>();

  constructor(private readonly roots: ImageRoots) {}

  /** All images by name. A folder without a readable manifest is left out; `get` says what is wrong with it. */
  async list(): Promise<StoredImage[]> {
    const images = new Map<string, StoredImage>();
    for (const [kind, root] of this.locations()) {
      for (const name of await folderNames(root)) {
        const image = images.has(name) ? undefined : await this.read(kind, root, name).catch(() => undefined);
        if (image) images.set(name, image);
      }
    }
    return [...images.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** @throws V3Error IMAGE_NOT_FOUND, IMAGE_CORRUPT */
  async get(name: string): Promise<StoredImage> {
    if (resourceName.safeParse(name).success) {
      for (const [kind, root] of this.locations()) {
        const image = await this.read(kind, root, name);
        if (image) return image;
      }
    }
    const known = (await this.list()).map(image => image.name);
    throw new V3Error(
      'IMAGE_NOT_FOUND',
      `there is no image "${name}"; there ${known.length ? `is: ${known.join(', ')}` : 'are none yet (./v3 image build)'}`,
    );
  }

  /** @throws V3Error IMAGE_NOT_FOUND, IMAGE_CORRUPT */
  async load(name: string): Promise<LoadedImage> {
    const image = await this.get(name);
    const { kernel, bootHeader, initrd, cmdline } = image.manifest;
    const loaded: LoadedImage = {
      ...image,
      kernelFormat: kernel.format,
      kernel: await this.readPart(image, kernel),
      bootHeader: await this.readPart(image, bootHeader),
      initrd: initrd ? await this.readPart(image, initrd) : new Uint8Array(),
      cmdline,
    };
    this.verified.add(verifiedKey(image));
    return loaded;
  }

  /**
   * Makes an image of a user's own kernel. It is checked first, and appears whole or not at all.
   *
   * @throws V3Error IMAGE_EXISTS, IMAGE_INVALID, STORAGE_FULL
   */
  async import({ name, kernel, initrd, cmdline }: ImageImport): Promise<StoredImage> {
    const root = this.roots.imported;
    if (!root) throw new V3Error('INTERNAL', 'this image store has no folder for imported images');
    checkImport(name, cmdline);
    const exists = new V3Error(
      'IMAGE_EXISTS',
      `there is an image "${name}" already: choose another name, or delete it first`,
    );
    if ((await this.list()).some(image => image.name === name)) throw exists;
    const checked = await checkKernel(await readInput(kernel, 'kernel'));
    const initrdBytes = initrd === undefined ? undefined : await readInput(initrd, 'initrd');
    if (initrdBytes) checkInitrd(initrdBytes);
    const entry = (file: string, data: Uint8Array) => ({ file, size: data.length, sha256: sha256(data) });
    const kernelFile = checked.format === 'elf' ? 'vmlinux' : 'bzImage';
    const body = {
      name,
      description: checked.version ? `Linux ${checked.version}` : 'Linux',
      kernel: { ...entry(kernelFile, checked.kernel), format: checked.format },
      bootHeader: entry('boot-header.bin', checked.bootHeader),
      ...(initrdBytes ? { initrd: entry('initrd', initrdBytes) } : {}),
      cmdline,
      agent: false,
      configChannel: false,
      createdAt: new Date().toISOString(),
      packages: [],
    };
    const manifest: ImageManifest = { format: 1, digest: imageDigest(body), ...body };
    const folder = join(root, name);
    try {
      await removeLeftOvers(root);
      await createFolder(folder, async target => {
        await writeFileAtomic(join(target, manifest.kernel.file), checked.kernel);
        await writeFileAtomic(join(target, manifest.bootHeader.file), checked.bootHeader);
        if (manifest.initrd && initrdBytes)
          await writeFileAtomic(join(target, manifest.initrd.file), initrdBytes);
        await writeFileAtomic(join(target, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
      });
    } catch (error) {
      // Another import of the same name was faster.
      if (['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw exists;
      throw V3Error.from(error);
    }
    return { name, kind: 'imported', folder, manifest };
  }

  /** Removes an imported image; a built one belongs to the checkout. @throws V3Error IMAGE_NOT_FOUND, IMAGE_IN_USE */
  async remove(name: string): Promise<void> {
    const image = await this.get(name);
    if (image.kind === 'built') {
      throw new V3Error(
        'IMAGE_IN_USE',
        `the image "${name}" is part of this checkout and cannot be deleted; imported ones can`,
      );
    }
    const removed = temporaryName(image.folder);
    await rename(image.folder, removed); // gone at once, never half there
    await rm(removed, { recursive: true, force: true });
  }

  private locations(): [StoredImage['kind'], string][] {
    const { builtIn, imported } = this.roots;
    return [
      ['built', builtIn],
      ...(imported ? ([['imported', imported]] as [StoredImage['kind'], string][]) : []),
    ];
  }

  private async read(
    kind: StoredImage['kind'],
    root: string,
    name: string,
  ): Promise<StoredImage | undefined> {
    // A built image's folder is a link that set-up may point elsewhere: stay with one.
    const folder = await realpath(join(root, name)).catch(() => undefined);
    if (!folder) return undefined;
    const parsed = imageManifestSchema.safeParse(await readJson(join(folder, 'manifest.json')));
    if (!parsed.success || parsed.data.name !== name || imageDigest(parsed.data) !== parsed.data.digest) {
      throw corrupt(name, kind, 'its manifest.json cannot be used');
    }
    return { name, kind, folder, manifest: parsed.data };
  }

  private async readPart(image: StoredImage, part: ImageManifest['bootHeader']): Promise<Uint8Array> {
    const data = await readFile(join(image.folder, part.file)).catch((error: Error) => {
      throw corrupt(image.name, image.kind, `its ${part.file} cannot be read (${error.message})`);
    });
    const intact =
      data.length === part.size && (this.verified.has(verifiedKey(image)) || sha256(data) === part.sha256);
    if (!intact) throw corrupt(image.name, image.kind, `its ${part.file} does not have the recorded SHA-256`);
    return data;
  }
}

const verifiedKey = ({ folder, manifest }: StoredImage): string => `${folder} ${manifest.digest}`;

function corrupt(name: string, kind: StoredImage['kind'], what: string): V3Error {
  const remedy = kind === 'built' ? `./v3 image build ${name} --rebuild` : 'delete it and import it again';
  return new V3Error('IMAGE_CORRUPT', `the image "${name}" is damaged: ${what}; ${remedy}`);
}

function checkImport(name: string, cmdline: string): void {
  const parsed = resourceName.safeParse(name);
  if (!parsed.success)
    throw invalid('name', `"${name}" is no name for an image: ${parsed.error.issues[0]?.message}`);
  if (Buffer.byteLength(cmdline) > longestCommandLine)
    throw invalid('cmdline', `the kernel command line has more than ${longestCommandLine} bytes`);
  if (/[\0\r\n]/.test(cmdline)) throw invalid('cmdline', 'the kernel command line must be one line');
}

const invalid = (path: keyof ImageImport, message: string): V3Error =>
  new V3Error('IMAGE_INVALID', message, { fields: [{ path, message }] });

async function readInput(path: string, what: 'kernel' | 'initrd'): Promise<Uint8Array> {
  const { size } = await stat(path).catch((cause: Error) => {
    throw new V3Error('IMAGE_INVALID', `the ${what} ${path} cannot be read: ${cause.message}`, { cause });
  });
  if (size > largestFile)
    throw invalid(
      what,
      `the ${what} has ${Math.round(size / 2 ** 20)} MiB; at most ${largestFile / 2 ** 20} are possible`,
    );
  return readFile(path);
}

async function folderNames(root: string): Promise<string[]> {
  const names = await readdir(root).catch(() => []);
  return names.filter(name => resourceName.safeParse(name).success);
}

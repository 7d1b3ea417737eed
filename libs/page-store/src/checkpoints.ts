import { readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { syncFolder } from '@v3vee/setup';
import { corrupt, isMissing } from './failures';
import { decodeManifest, digestOf, MAX_MANIFEST_BYTES, type Manifest } from './manifest';

const digestName = /^[0-9a-f]{64}$/;

/** The manifests of a store: files of the name of their SHA-256. */
export class Checkpoints {
  /** Pages of those that were read: what has the name of its hash does not change. */
  readonly #pages = new Map<string, number>();

  constructor(readonly folder: string) {}

  async list(): Promise<string[]> {
    return (await readdir(this.folder)).filter(name => digestName.test(name)).sort();
  }

  /** @throws V3Error STATE_CORRUPT when it is missing or changed */
  async read(digest: string): Promise<{ manifest: Manifest; content: Buffer }> {
    const path = this.#path(digest);
    let content: Buffer;
    try {
      const { size } = await stat(path);
      if (size > MAX_MANIFEST_BYTES) throw new Error(`it has ${size} bytes`);
      content = await readFile(path);
    } catch (thrown) {
      const why = isMissing(thrown) ? 'there is none' : (thrown as Error).message;
      throw corrupt(`the saved state ${digest} can't be read: ${why}`, thrown);
    }
    const found = digestOf(content);
    if (found !== digest) throw corrupt(`the saved state ${digest} was changed: its sha256 is ${found}`);
    try {
      const manifest = decodeManifest(content);
      this.#pages.set(digest, manifest.table.length);
      return { manifest, content };
    } catch (cause) {
      throw corrupt(`the saved state ${digest} can't be used: ${(cause as Error).message}`, cause);
    }
  }

  /** Of its file; none: there is no such checkpoint. */
  bytes(digest: string): Promise<number | undefined> {
    return stat(this.#path(digest)).then(
      ({ size }) => size,
      () => undefined,
    );
  }

  async allBytes(): Promise<number> {
    let sum = 0;
    for (const digest of await this.list()) sum += (await this.bytes(digest)) ?? 0;
    return sum;
  }

  /** That are not zero, of all of them; those that can't be read have none. */
  async allPages(): Promise<number> {
    const digests = new Set(await this.list());
    for (const known of this.#pages.keys()) if (!digests.has(known)) this.#pages.delete(known);
    let sum = 0;
    for (const digest of digests) {
      if (!this.#pages.has(digest)) await this.read(digest).catch(() => undefined);
      sum += this.#pages.get(digest) ?? 0;
    }
    return sum;
  }

  /** A file that is on the disk already gets its name. */
  async publish(digest: string, from: string): Promise<void> {
    await rename(from, this.#path(digest));
    await syncFolder(this.folder);
  }

  /** @returns whether it was there */
  async remove(digest: string): Promise<boolean> {
    const path = this.#path(digest);
    if ((await this.bytes(digest)) === undefined) return false;
    await rm(path, { force: true });
    await syncFolder(this.folder);
    return true;
  }

  #path(digest: string): string {
    if (!digestName.test(digest)) throw corrupt(`"${digest}" is not the digest of a saved state`);
    return join(this.folder, digest);
  }
}

import { createHash } from 'node:crypto';
import { EXPORT_MAGIC, MAX_LABEL_BYTES } from './export-file';
import { invalid } from './failures';
import { decodeManifest, MAX_MANIFEST_BYTES, unpackDevices, type Manifest } from './manifest';
import { GROUP_BYTES, keyOf, PAGE_BYTES, type PageKey } from './page';
import { inflateGroup } from './page-reader';

export interface ImportHead {
  label: Buffer;
  manifest: Manifest;
  devices: Uint8Array;
}

/**
 * Reads what `exportFile` wrote, and believes nothing of it: no more is taken into memory than a part that is within its
 * bound, and each page must be one that the manifest names and that has not come yet.
 * @param onHead told of all but the pages, before those
 * @param onPage told of each page; what it returns is waited for
 * @throws V3Error STATE_INVALID
 */
export async function importFile(
  source: AsyncIterable<Uint8Array>,
  onHead: (head: ImportHead) => Promise<void>,
  onPage: (key: PageKey, page: Buffer) => void,
  pause: () => Promise<void>,
): Promise<void> {
  const input = new Input(source);
  try {
    const label = await begin(input);
    const content = await input.part(MAX_MANIFEST_BYTES, 'its list of pages');
    const { manifest, devices } = await decode(content);
    await onHead({ label, manifest, devices });
    const expected = new Set<PageKey>();
    for (let entry = 0; entry < manifest.table.length; entry++) expected.add(manifest.table.key(entry));
    for (;;) {
      const packed = await input.part(2 * GROUP_BYTES, 'a group of pages');
      if (packed.length === 0) break;
      for (const page of await pagesOf(packed)) {
        const key = keyOf(page);
        if (!expected.delete(key))
          throw invalid('a page is damaged, or came twice, or belongs to another state');
        onPage(key, page);
      }
      await pause();
    }
    if (expected.size > 0) throw invalid(`${expected.size} pages are not in it`);
    await input.end();
  } finally {
    await input.close();
  }
}

/** What an export says of itself, without a look at the rest. @throws V3Error STATE_INVALID */
export async function readLabel(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const input = new Input(source);
  try {
    return await begin(input);
  } finally {
    await input.close();
  }
}

async function begin(input: Input): Promise<Buffer> {
  if (!(await input.take(EXPORT_MAGIC.length)).equals(EXPORT_MAGIC))
    throw invalid('it does not begin like one');
  return input.part(MAX_LABEL_BYTES, 'its label');
}

async function decode(content: Buffer): Promise<{ manifest: Manifest; devices: Uint8Array }> {
  try {
    const manifest = decodeManifest(content);
    return { manifest, devices: await unpackDevices(manifest) };
  } catch (cause) {
    throw invalid((cause as Error).message, cause);
  }
}

async function pagesOf(packed: Buffer): Promise<Buffer[]> {
  const bytes = await inflateGroup(packed).catch((cause: Error) => {
    throw invalid(`a group of pages is damaged: ${cause.message}`, cause);
  });
  if (bytes.length === 0 || bytes.length % PAGE_BYTES) throw invalid('a group does not consist of pages');
  return Array.from({ length: bytes.length / PAGE_BYTES }, (_, page) =>
    bytes.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES),
  );
}

/** A stream of bytes, taken in parts, and its checksum. */
class Input {
  readonly #hash = createHash('sha256');
  readonly #source: AsyncIterator<Uint8Array>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Counts for the checksum. */
  async take(length: number): Promise<Buffer> {
    const bytes = await this.#read(length);
    this.#hash.update(bytes);
    return bytes;
  }

  /** A part that says how long it is. */
  async part(most: number, what: string): Promise<Buffer> {
    const length = (await this.take(4)).readUInt32LE();
    if (length > most) throw invalid(`${what} has ${length} bytes, which is more than ${most}`);
    return this.take(length);
  }

  /** The checksum, and nothing after it. */
  async end(): Promise<void> {
    const digest = this.#hash.digest();
    if (!(await this.#read(digest.length)).equals(digest)) throw invalid('its checksum is wrong');
    if ((await this.#next()) || this.#rest.length > 0) throw invalid('it goes on after its end');
  }

  async close(): Promise<void> {
    await this.#source.return?.();
  }

  async #read(length: number): Promise<Buffer> {
    // What has come, not what was announced, is what memory is taken for.
    const parts: Buffer[] = [];
    let missing = length;
    for (;;) {
      const part = this.#rest.subarray(0, missing);
      this.#rest = this.#rest.subarray(part.length);
      parts.push(part);
      missing -= part.length;
      if (missing === 0) return Buffer.concat(parts);
      if (!(await this.#next())) throw invalid('it ends early');
    }
  }

  /** @returns false at the end */
  async #next(): Promise<boolean> {
    for (;;) {
      const { done, value } = await this.#source.next();
      if (done) return false;
      if (value.length === 0) continue;
      this.#rest = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
      return true;
    }
  }
}

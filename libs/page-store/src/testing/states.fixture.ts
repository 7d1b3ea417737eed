import { cp, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MachineState } from '../manifest';
import { PAGE_BYTES } from '../page';

export const PAGES_PER_MIB = (1 << 20) / PAGE_BYTES;

/** Numbers 0 … below - 1; the same for the same seed (mulberry32). */
export function random(seed: number): (below: number) => number {
  return below => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (((t ^ (t >>> 14)) >>> 0) % below) >>> 0;
  };
}

/** A machine whose page n has content number `contents[n]`; 0 or none: zeros. */
export function stateOf(contents: readonly number[], change: Partial<MachineState> = {}): MachineState {
  const memoryMiB = change.memoryMiB ?? Math.max(1, Math.ceil(contents.length / PAGES_PER_MIB));
  const memory = new Uint8Array(new SharedArrayBuffer(memoryMiB << 20));
  contents.forEach((content, page) => {
    if (content) fillPage(memory.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES), content);
  });
  const devices = Uint8Array.from({ length: 3000 }, (_, i) => (i * 7 + contents.length) % 251);
  return { format: 1, engineVersion: 'v86 0.5.462', memoryMiB, nicCount: 1, devices, memory, ...change };
}

/** Half of it can be compressed, as with real pages. */
function fillPage(page: Uint8Array, content: number): void {
  const next = random(content);
  for (let at = 0; at < PAGE_BYTES / 2; at += 4) {
    const word = next(2 ** 32);
    for (let byte = 0; byte < 4; byte++) page[at + byte] = word >>> (8 * byte);
  }
  page.fill(content % 255 || 1, PAGE_BYTES / 2);
}

export const range = (count: number, first = 1): number[] =>
  Array.from({ length: count }, (_, i) => first + i);

export function equal(one: MachineState, other: MachineState): boolean {
  const { devices, memory, ...head } = one;
  const same = (a: Uint8Array, b: Uint8Array) => Buffer.from(a.buffer, a.byteOffset, a.length).equals(b);
  const { devices: otherDevices, memory: otherMemory, ...otherHead } = other;
  return (
    JSON.stringify(head) === JSON.stringify(otherHead) &&
    same(devices, otherDevices) &&
    same(memory, otherMemory)
  );
}

/** All files below a folder, with what is in them. */
export async function tree(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const name of (await readdir(folder, { recursive: true })).sort()) {
    const path = join(folder, name);
    if ((await stat(path)).isFile()) found[name] = (await readFile(path)).toString('base64');
  }
  return found;
}

export async function bytesBelow(folder: string): Promise<number> {
  let sum = 0;
  for (const name of await readdir(folder, { recursive: true })) {
    const found = await stat(join(folder, name));
    if (found.isFile()) sum += found.size;
  }
  return sum;
}

/** Folders that are gone after each test. */
export function temporaryFolders(): { make(): Promise<string>; copy(of: string): Promise<string> } {
  const made: string[] = [];
  afterEach(async () => {
    for (const folder of made.splice(0)) await rm(folder, { recursive: true, force: true });
  });
  const make = async () => {
    const folder = await mkdtemp(join(tmpdir(), 'v3-pages-'));
    made.push(folder);
    return folder;
  };
  return {
    make,
    async copy(of) {
      const folder = await make();
      await cp(of, folder, { recursive: true });
      return folder;
    },
  };
}

export async function drain(parts: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const part of parts) all.push(part);
  return Buffer.concat(all);
}

/** In pieces of whatever size. */
export async function* stream(bytes: Uint8Array, piece = 10_000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += piece) yield bytes.subarray(at, at + piece);
}

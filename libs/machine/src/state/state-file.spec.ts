import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ENGINE_VERSION } from '../engine/v86-internals';
import { STATE_FORMAT, type MachineState } from './machine-state';
import { decodeState, readStateFile, writeStateFile } from './state-file';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'v3-state-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** 32 MiB with three runs of used pages, one of them at the very end. */
function state(): MachineState {
  const memory = new Uint8Array(new SharedArrayBuffer(32 << 20));
  memory.fill(1, 4096, 3 * 4096);
  for (let i = 5 << 20; i < 9 << 20; i++) memory[i] = (i * 31) >> 3;
  memory[memory.length - 1] = 7;
  const devices = Uint8Array.from({ length: 100_000 }, (_, i) => i % 251);
  return { format: STATE_FORMAT, engineVersion: ENGINE_VERSION, memoryMiB: 32, nicCount: 2, devices, memory };
}

async function written(): Promise<{ path: string; bytes: Buffer }> {
  const path = join(folder, 'vm.v3s');
  await writeStateFile(path, state());
  return { path, bytes: await readFile(path) };
}

it('reads back what it wrote, without the zero pages', async () => {
  const path = join(folder, 'vm.v3s');
  const size = await writeStateFile(path, state());
  expect(size).toBeLessThan(5 << 20);
  const read = await readStateFile(path);
  const expected = state();
  expect({ ...read, memory: 0, devices: 0 }).toEqual({ ...expected, memory: 0, devices: 0 });
  expect(Buffer.from(read.devices).equals(expected.devices)).toBe(true);
  expect(Buffer.from(read.memory.buffer).equals(expected.memory)).toBe(true);
  expect(await readdir(folder)).toEqual(['vm.v3s']);
});

it('leaves the old file alone when it cannot write a new one', async () => {
  const { path, bytes } = await written();
  const broken = { ...state(), devices: undefined as unknown as Uint8Array };
  await expect(writeStateFile(path, broken)).rejects.toThrow();
  expect((await readFile(path)).equals(bytes)).toBe(true);
  expect(await readdir(folder)).toEqual(['vm.v3s']);
});

it('refuses a file that ends early, wherever', async () => {
  const { bytes } = await written();
  for (const length of [0, 5, 12, 200, bytes.length >> 1, bytes.length - 1]) {
    await expect(decodeState(bytes.subarray(0, length))).rejects.toMatchObject({ code: 'STATE_CORRUPT' });
  }
});

it('refuses a file with a flipped bit, wherever', async () => {
  const { bytes } = await written();
  for (const at of [0, 9, 100, bytes.length >> 1, bytes.length - 1]) {
    const damaged = Buffer.from(bytes);
    damaged[at]! ^= 1;
    await expect(decodeState(damaged)).rejects.toMatchObject({ code: 'STATE_CORRUPT' });
  }
});

it('says that a missing file cannot be read', async () => {
  await expect(readStateFile(join(folder, 'none'))).rejects.toMatchObject({ code: 'STATE_CORRUPT' });
});

/** The file with another header and a checksum that is right for it. */
function withHeader(bytes: Buffer, change: object): Buffer {
  const length = bytes.readUInt32LE(8);
  const header = JSON.parse(bytes.toString('utf8', 12, 12 + length)) as object;
  const text = Buffer.from(JSON.stringify({ ...header, ...change }));
  const size = Buffer.alloc(4);
  size.writeUInt32LE(text.length);
  const content = Buffer.concat([bytes.subarray(0, 8), size, text, bytes.subarray(12 + length, -32)]);
  return Buffer.concat([content, createHash('sha256').update(content).digest()]);
}

it.each([
  ['another format', { format: 99 }, 'STATE_INCOMPATIBLE'],
  ['absurd memory', { memoryMiB: 1 << 20 }, 'STATE_CORRUPT'],
  ['pages beyond memory', { runs: [0, 1 << 30] }, 'STATE_CORRUPT'],
  ['negative pages', { runs: [-1, 1] }, 'STATE_CORRUPT'],
  ['fewer pages than content', { runs: [0, 1] }, 'STATE_CORRUPT'],
  ['more pages than content', { runs: [0, 4000] }, 'STATE_CORRUPT'],
  ['no runs', { runs: 'all' }, 'STATE_CORRUPT'],
])('refuses a header with %s', async (_, change, code) => {
  const { path, bytes } = await written();
  await writeFile(path, withHeader(bytes, change));
  await expect(readStateFile(path)).rejects.toMatchObject({ code });
});

import { createHash, randomBytes } from 'node:crypto';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { deflateRaw, inflateRaw } from 'node:zlib';
import { V3Error } from '@v3vee/contracts';
import { forEachUsedPage } from '../engine/sparse';
import { STATE_FORMAT, type MachineState } from './machine-state';

/**
 * A machine's state as bytes:
 *
 *     magic "V3STATE\n" | u32 length of header | header (JSON) | chunk … | SHA-256 of all before it
 *     chunk   u32 length | raw deflate of up to 1 MiB of payload
 *     payload devices | runs of used pages, one after the other
 *
 * Zero pages are left out; the header lists the runs. All numbers are little-endian.
 */

const MAGIC = Buffer.from('V3STATE\n');
const CHUNK = 1 << 20;
const DIGEST_LENGTH = 32;
const MAX_HEADER = 4 << 20;
const PAGE = 4096;
/** Chunks that are packed at a time: the thread pool's size. */
const PARALLEL = 4;

interface Header {
  format: number;
  engineVersion: string;
  memoryMiB: number;
  nicCount: number;
  devicesLength: number;
  /** First page and number of pages of each run, flat. */
  runs: number[];
}

const deflate = promisify<Buffer, object, Buffer>(deflateRaw);
const inflate = promisify<Uint8Array, object, Buffer>(inflateRaw);

/** The parts of a state's encoding, in order. */
export async function* encodeState(state: MachineState): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  const emit = (part: Buffer): Buffer => {
    hash.update(part);
    return part;
  };
  const runs: number[] = [];
  const payload: Uint8Array[] = [state.devices];
  forEachUsedPage(state.memory, (start, end) => {
    runs.push(start / PAGE, (end - start) / PAGE);
    payload.push(state.memory.subarray(start, end));
  });
  const { format, engineVersion, memoryMiB, nicCount } = state;
  const header: Header = {
    format,
    engineVersion,
    memoryMiB,
    nicCount,
    devicesLength: state.devices.length,
    runs,
  };
  const text = Buffer.from(JSON.stringify(header));
  yield emit(Buffer.concat([MAGIC, u32(text.length), text]));
  const chunks = cut(payload);
  for (;;) {
    const batch = take(chunks, PARALLEL).map(chunk => deflate(chunk, { level: 1 }));
    if (batch.length === 0) break;
    for (const packed of await Promise.all(batch)) yield emit(Buffer.concat([u32(packed.length), packed]));
  }
  yield hash.digest();
}

/** @throws V3Error STATE_CORRUPT if `bytes` are truncated or damaged, STATE_INCOMPATIBLE for another format */
export async function decodeState(bytes: Uint8Array): Promise<MachineState> {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { header, body } = readHeader(file);
  const devices = new Uint8Array(header.devicesLength);
  const memory = new Uint8Array(new SharedArrayBuffer(header.memoryMiB << 20));
  const targets: Uint8Array[] = [devices];
  for (let i = 0; i < header.runs.length; i += 2) {
    const [first, count] = [header.runs[i]!, header.runs[i + 1]!];
    targets.push(memory.subarray(first * PAGE, (first + count) * PAGE));
  }
  await unpack(body, targets);
  const { format, engineVersion, memoryMiB, nicCount } = header;
  return { format, engineVersion, memoryMiB, nicCount, devices, memory };
}

/** Writes a state so that `path` holds all of it or is untouched, even after a power cut. Returns its size in bytes. */
export async function writeStateFile(path: string, state: MachineState): Promise<number> {
  const temporary = `${path}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`;
  const file = await open(temporary, 'wx', 0o600);
  let size = 0;
  try {
    for await (const part of encodeState(state)) {
      await file.writeFile(part);
      size += part.length;
    }
    await file.sync();
    await file.close();
    await rename(temporary, path);
    await syncFolder(dirname(path));
    return size;
  } catch (error) {
    await file.close().catch(() => {});
    await rm(temporary, { force: true });
    throw V3Error.from(error);
  }
}

/** @throws V3Error STATE_CORRUPT (also if there is no such file) or STATE_INCOMPATIBLE */
export async function readStateFile(path: string): Promise<MachineState> {
  const bytes = await readFile(path).catch((cause: Error) => {
    throw new V3Error('STATE_CORRUPT', `the saved state cannot be read: ${cause.message}`, { cause });
  });
  return decodeState(bytes);
}

function readHeader(file: Buffer): { header: Header; body: Buffer } {
  const start = MAGIC.length + 4;
  if (file.length < start + DIGEST_LENGTH || !file.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw corrupt('it is not a saved state, or only its beginning is there');
  }
  const content = file.subarray(0, -DIGEST_LENGTH);
  const digest = createHash('sha256').update(content).digest();
  if (!digest.equals(file.subarray(-DIGEST_LENGTH)))
    throw corrupt('its checksum is wrong: it is truncated or damaged');
  const length = file.readUInt32LE(MAGIC.length);
  if (length > Math.min(MAX_HEADER, content.length - start)) throw corrupt('its header is too long');
  const header = JSON.parse(content.toString('utf8', start, start + length)) as Header;
  if (header.format !== STATE_FORMAT) {
    throw new V3Error(
      'STATE_INCOMPATIBLE',
      `the saved state has format ${header.format}, this version reads ${STATE_FORMAT}`,
    );
  }
  if (!isSane(header)) throw corrupt('its header is damaged');
  return { header, body: content.subarray(start + length) };
}

function isSane({ memoryMiB, devicesLength, runs, nicCount }: Header): boolean {
  const count = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 0;
  if (!count(memoryMiB) || memoryMiB > 1024 || !count(nicCount)) return false;
  if (!count(devicesLength) || devicesLength > 256 << 20 || !Array.isArray(runs) || runs.length % 2)
    return false;
  const pages = (memoryMiB << 20) / PAGE;
  return runs.every((value, i) => count(value) && (i % 2 === 0 || runs[i - 1]! + value <= pages));
}

/** Inflates the chunks one after the other into the targets, which they must fill exactly. */
async function unpack(body: Buffer, targets: Uint8Array[]): Promise<void> {
  const packed: Buffer[] = [];
  for (let at = 0; at < body.length;) {
    if (at + 4 > body.length) throw corrupt('a chunk is truncated');
    const end = at + 4 + body.readUInt32LE(at);
    if (end > body.length) throw corrupt('a chunk is truncated');
    packed.push(body.subarray(at + 4, end));
    at = end;
  }
  const fill = filler(targets);
  for (let i = 0; i < packed.length; i += PARALLEL) {
    const batch = packed.slice(i, i + PARALLEL).map(chunk => inflate(chunk, { maxOutputLength: CHUNK }));
    const chunks = await Promise.all(batch).catch((cause: Error) => {
      throw new V3Error('STATE_CORRUPT', `the saved state is damaged: ${cause.message}`, { cause });
    });
    chunks.forEach(chunk => fill.write(chunk));
  }
  if (!fill.full()) throw corrupt('its content is shorter than its header says');
}

function filler(targets: Uint8Array[]) {
  let target = 0;
  let at = 0;
  const skipFull = () => {
    while (target < targets.length && at === targets[target]!.length) {
      target++;
      at = 0;
    }
  };
  return {
    write(data: Buffer): void {
      for (let rest = data; rest.length > 0;) {
        skipFull();
        const into = targets[target];
        if (!into) throw corrupt('its content is longer than its header says');
        const part = rest.subarray(0, into.length - at);
        into.set(part, at);
        at += part.length;
        rest = rest.subarray(part.length);
      }
    },
    full(): boolean {
      skipFull();
      return target === targets.length;
    },
  };
}

/** The payload in pieces of {@link CHUNK} bytes, copied out of memory that others may write to. */
function* cut(parts: Uint8Array[]): Generator<Buffer> {
  let chunk = Buffer.alloc(CHUNK);
  let length = 0;
  for (const part of parts) {
    for (let at = 0; at < part.length;) {
      const piece = part.subarray(at, at + CHUNK - length);
      chunk.set(piece, length);
      length += piece.length;
      at += piece.length;
      if (length === CHUNK) {
        yield chunk;
        chunk = Buffer.alloc(CHUNK);
        length = 0;
      }
    }
  }
  if (length) yield chunk.subarray(0, length);
}

function take<T>(from: Generator<T>, count: number): T[] {
  const taken: T[] = [];
  while (taken.length < count) {
    const { value, done } = from.next();
    if (done) break;
    taken.push(value as T);
  }
  return taken;
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};

const corrupt = (what: string) => new V3Error('STATE_CORRUPT', `the saved state cannot be used: ${what}`);

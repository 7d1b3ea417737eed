import { closeSync, fdatasyncSync, fstatSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { V3Error } from '@v3vee/contracts';

/** What a layer has or has not, as a whole. */
export const BLOCK_BYTES = 4096;

const MAGIC = 'V3VEE disk layer 1\n';

/**
 * Some blocks of a disk, in a sparse file:
 *
 *     0      magic, bytes of the disk (64 bits): they follow from each other, so that damage is seen
 *     4096   a bit for each block that the layer has, up to a multiple of 4096
 *     then   the disk: each block at its place
 *
 * A block is written before its bit is, and the bit only once the block is durable ({@link Layer.flush}). So a process or
 * a machine that is cut off at any moment leaves a layer in which every bit is true; what the guest had not flushed may be
 * missing from it, as after a power cut. Bits are never taken back, and blocks whose bit is set are written in place.
 * All is synchronous: a layer is used by a thread that has nothing else to do meanwhile.
 */
export class Layer {
  private readonly bits: Uint8Array;
  /** First and last byte of the bits that are not in the file yet. */
  private changed: [number, number] | undefined;
  private unsynced = false;
  /** After a failed sync nobody knows what is in the file: no later one may claim that all is well. */
  private broken: unknown;

  private constructor(
    readonly id: string,
    private readonly fd: number,
    readonly bytes: number,
    private readonly writable: boolean,
  ) {
    this.bits = new Uint8Array(bitBytes(bytes));
  }

  /** A layer without blocks, durable. @throws when the file is there already */
  static create(path: string, bytes: number): void {
    const fd = openSync(path, 'wx', 0o600);
    try {
      writeAll(fd, headerOf(bytes), 0);
      writeAll(fd, new Uint8Array(bitBytes(bytes)), BLOCK_BYTES);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    syncFolder(dirname(path));
  }

  /** @param id in errors. @throws V3Error STATE_CORRUPT when it is missing or not a layer of such a disk */
  static open(path: string, id: string, bytes: number, writable: boolean): Layer {
    let fd: number;
    try {
      fd = openSync(path, writable ? 'r+' : 'r');
    } catch (cause) {
      throw corrupt(`layer ${id} of the disk can't be opened: ${(cause as Error).message}`, cause);
    }
    try {
      const layer = new Layer(id, fd, bytes, writable);
      const header = new Uint8Array(BLOCK_BYTES);
      readAll(fd, header, 0);
      if (Buffer.compare(header, headerOf(bytes)) !== 0 || fstatSync(fd).size < dataAt(bytes)) {
        throw corrupt(`file ${id} is not a layer of a disk of ${bytes} bytes, or it is damaged`);
      }
      readAll(fd, layer.bits, BLOCK_BYTES);
      return layer;
    } catch (thrown) {
      closeSync(fd);
      throw thrown;
    }
  }

  get blocks(): number {
    return Math.ceil(this.bytes / BLOCK_BYTES);
  }

  has(block: number): boolean {
    return (this.bits[block >> 3]! & (1 << (block & 7))) !== 0;
  }

  /** Of blocks that it has. @param offset in the disk */
  read(offset: number, into: Uint8Array): void {
    readAll(this.fd, into, dataAt(this.bytes) + offset);
  }

  /** Whole blocks, or parts of one that it has. @throws with code ENOSPC, EDQUOT: it may have written a part */
  write(offset: number, from: Uint8Array): void {
    if (!this.writable) throw new Error(`layer ${this.id} is frozen`);
    this.unsynced = true;
    writeAll(this.fd, from, dataAt(this.bytes) + offset);
    const last = Math.floor((offset + from.length - 1) / BLOCK_BYTES);
    for (let block = Math.floor(offset / BLOCK_BYTES); block <= last; block++) {
      const [at, bit] = [block >> 3, 1 << (block & 7)];
      if (this.bits[at]! & bit) continue;
      this.bits[at]! |= bit;
      this.changed = this.changed ? [Math.min(this.changed[0], at), Math.max(this.changed[1], at)] : [at, at];
    }
  }

  /** What was written before is durable. @throws for ever once it failed */
  flush(): void {
    if (this.broken) throw this.broken;
    if (!this.unsynced) return;
    try {
      fdatasyncSync(this.fd);
      if (this.changed) {
        const [first, last] = this.changed;
        writeAll(this.fd, this.bits.subarray(first, last + 1), BLOCK_BYTES + first);
        fdatasyncSync(this.fd);
      }
    } catch (thrown) {
      this.broken = thrown;
      throw thrown;
    }
    this.changed = undefined;
    this.unsynced = false;
  }

  close(): void {
    closeSync(this.fd);
  }
}

const bitBytes = (bytes: number) => Math.ceil(Math.ceil(bytes / BLOCK_BYTES) / 8 / BLOCK_BYTES) * BLOCK_BYTES;
const dataAt = (bytes: number) => BLOCK_BYTES + bitBytes(bytes);

function headerOf(bytes: number): Uint8Array {
  const header = Buffer.alloc(BLOCK_BYTES);
  header.write(MAGIC);
  header.writeBigUInt64LE(BigInt(bytes), 32);
  return header;
}

function readAll(fd: number, into: Uint8Array, position: number): void {
  for (let at = 0; at < into.length;) {
    const read = readSync(fd, into, at, into.length - at, position + at);
    // The file is sparse: behind its end there are zeroes.
    if (read === 0) return void into.fill(0, at);
    at += read;
  }
}

function writeAll(fd: number, from: Uint8Array, position: number): void {
  for (let at = 0; at < from.length;) at += writeSync(fd, from, at, from.length - at, position + at);
}

export function syncFolder(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

export const corrupt = (detail: string, cause?: unknown) => new V3Error('STATE_CORRUPT', detail, { cause });

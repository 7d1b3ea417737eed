import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { deflateRaw, inflateRaw } from 'node:zlib';
import { u32 } from './disk';
import { HASH_BYTES, MAX_MEMORY_MIB, PAGE_BYTES } from './page';
import { PageTable } from './page-table';

/**
 * What a checkpoint is, but for the content of its pages:
 *
 *     magic "V3CHECK\n" | u32 length of header | header (JSON) | devices, raw deflate (RFC 1951)
 *       | bit map of the pages that are not zero | 16 bytes of hash for each of them
 *
 * A file of the name of its own SHA-256. All numbers are little-endian.
 */

const MAGIC = Buffer.from('V3CHECK\n');
const MAX_HEADER = 4096;
const MAX_DEVICES = 64 << 20;
/** Of a machine of the largest size, whose devices are as large as they may be. */
export const MAX_MANIFEST_BYTES = MAX_DEVICES + (8 << 20);

const deflate = promisify<Uint8Array, object, Buffer>(deflateRaw);
const inflate = promisify<Uint8Array, object, Buffer>(inflateRaw);

/** A stopped machine; that of `libs/machine`. */
export interface MachineState {
  format: number;
  engineVersion: string;
  memoryMiB: number;
  nicCount: number;
  devices: Uint8Array;
  /** `memoryMiB` long. */
  memory: Uint8Array<SharedArrayBuffer>;
}

/** All of a machine but its memory. */
export type MachineHead = Omit<MachineState, 'memory'>;

/** A machine at one instant, whose memory is that of a base but for some pages. */
export interface MachineCut extends MachineHead {
  /** `memoryMiB` long, and never to be changed: the same one is hashed once. None: zeros. */
  base: Uint8Array<SharedArrayBuffer> | undefined;
  /** Pages that differ from the base, or may: 4096 bytes each, by number. */
  changes: ReadonlyMap<number, Uint8Array>;
}

interface Header extends Omit<MachineHead, 'devices'> {
  devicesLength: number;
  packedLength: number;
}

export interface Manifest extends Omit<MachineHead, 'devices'> {
  devicesLength: number;
  packedDevices: Buffer;
  table: PageTable;
}

export const digestOf = (content: Uint8Array): string => createHash('sha256').update(content).digest('hex');

export async function encodeManifest(head: MachineHead, { used, hashes }: PageTable): Promise<Buffer> {
  const { format, engineVersion, memoryMiB, nicCount, devices } = head;
  const packed = await deflate(devices, { level: 1 });
  const header: Header = {
    ...{ format, engineVersion, memoryMiB, nicCount },
    ...{ devicesLength: devices.length, packedLength: packed.length },
  };
  const text = Buffer.from(JSON.stringify(header));
  return Buffer.concat([MAGIC, u32(text.length), text, packed, used, hashes]);
}

/** @throws Error that says what is wrong: its content may be anybody's */
export function decodeManifest(file: Buffer): Manifest {
  const start = MAGIC.length + 4;
  if (file.length < start || !file.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw new Error('it does not begin like a checkpoint');
  }
  const length = file.readUInt32LE(MAGIC.length);
  if (length > Math.min(MAX_HEADER, file.length - start)) throw new Error('its header is too long');
  const header: unknown = JSON.parse(file.toString('utf8', start, start + length));
  if (!isHeader(header)) throw new Error('its header says what no machine can be');
  const { devicesLength, packedLength, format, engineVersion, memoryMiB, nicCount } = header;
  const body = file.subarray(start + length);
  const map = ((memoryMiB << 20) / PAGE_BYTES) >> 3;
  if (body.length < packedLength + map) throw new Error('its list of pages is cut off');
  const hashes = body.subarray(packedLength + map);
  // A length that is no multiple gives a broken number of pages.
  if (hashes.length % HASH_BYTES) throw new Error('its list of pages is cut off');
  const table = new PageTable(body.subarray(packedLength, packedLength + map), hashes);
  const packedDevices = body.subarray(0, packedLength);
  return { format, engineVersion, memoryMiB, nicCount, devicesLength, packedDevices, table };
}

/** @throws Error when they are not what they are said to be */
export async function unpackDevices({ packedDevices, devicesLength }: Manifest): Promise<Uint8Array> {
  const devices = await inflate(packedDevices, { maxOutputLength: Math.max(1, devicesLength) });
  if (devices.length !== devicesLength)
    throw new Error(`its devices have ${devices.length} bytes, not ${devicesLength}`);
  return new Uint8Array(devices);
}

function isHeader(value: unknown): value is Header {
  if (typeof value !== 'object' || value === null) return false;
  const { format, engineVersion, memoryMiB, nicCount, devicesLength, packedLength } =
    value as Partial<Header>;
  const within = (number: unknown, least: number, most: number) =>
    Number.isInteger(number) && (number as number) >= least && (number as number) <= most;
  return (
    within(format, 0, 1 << 30) &&
    typeof engineVersion === 'string' &&
    engineVersion.length <= 200 &&
    within(memoryMiB, 1, MAX_MEMORY_MIB) &&
    within(nicCount, 0, 1024) &&
    within(devicesLength, 0, MAX_DEVICES) &&
    within(packedLength, 0, MAX_DEVICES)
  );
}

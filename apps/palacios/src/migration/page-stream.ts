/**
 * Messages of a machine on its way, little endian:
 *
 *     u32 magic "V3M1" · u32 CRC-32 of all that follows · u32 sequence · u8 kind · u8 packing · u16 count · body
 *
 *     kind 1, pages   count × u32 number of the page · payload of count × 4096 bytes
 *     kind 2, head    u32 part · u32 parts · payload; the parts together: u32 length · JSON · devices
 *
 * Packing 0: the payload as it is; 1: raw deflate. The sequence counts messages from 0. Whoever reads believes nothing
 * of it before it is checked.
 */
import { promisify } from 'node:util';
import { constants, crc32, deflateRaw, inflateRaw } from 'node:zlib';
import { V3Error } from '@v3vee/contracts';
import { BATCH_PAGES, PAGE_BYTES, type MachineHead, type PageBatch } from '@v3vee/machine';
import { z } from 'zod';

/** Well below NATS's limit of 1 MiB. */
export const MAX_MESSAGE_BYTES = 16 + BATCH_PAGES * (4 + PAGE_BYTES);
/** Of the head, in one message. */
const PART_BYTES = 256 << 10;
/** Device states are some tens of KiB; the most of one is video memory. */
const MAX_HEAD_BYTES = 32 << 20;

const MAGIC = 0x314d3356;
const HEADER = 16;
const KIND = { pages: 1, head: 2 } as const;
const PACKING = { raw: 0, deflated: 1 } as const;

export interface PagesMessage extends PageBatch {
  kind: 'pages';
}
export interface HeadMessage {
  kind: 'head';
  part: number;
  parts: number;
  bytes: Uint8Array;
}
export type StreamMessage = PagesMessage | HeadMessage;

const deflate = promisify<Uint8Array, object, Buffer>(deflateRaw);
const inflate = promisify<Uint8Array, object, Buffer>(inflateRaw);

/** `numbers` and `bytes` must stay as they are until it resolves. */
export async function encodePages(
  sequence: number,
  { numbers, bytes }: PageBatch,
  compress: boolean,
): Promise<Uint8Array> {
  if (!compress) return frame(sequence, KIND.pages, PACKING.raw, numbers.length, numbers, bytes);
  const packed = await deflate(bytes, { level: constants.Z_BEST_SPEED });
  const [packing, payload] = packed.length < bytes.length ? [PACKING.deflated, packed] : [PACKING.raw, bytes];
  return frame(sequence, KIND.pages, packing, numbers.length, numbers, payload);
}

/** All that the machine is but its memory, in messages from this sequence number on. */
export function encodeHead(sequence: number, { devices, ...rest }: MachineHead): Uint8Array[] {
  const text = Buffer.from(JSON.stringify(rest));
  const whole = Buffer.alloc(4 + text.length + devices.length);
  whole.writeUInt32LE(text.length);
  text.copy(whole, 4);
  whole.set(devices, 4 + text.length);
  const parts = Math.ceil(whole.length / PART_BYTES);
  return Array.from({ length: parts }, (_, part) => {
    const payload = whole.subarray(part * PART_BYTES, (part + 1) * PART_BYTES);
    return frame(sequence + part, KIND.head, PACKING.raw, 0, Uint32Array.of(part, parts), payload);
  });
}

function frame(
  sequence: number,
  kind: number,
  packing: number,
  count: number,
  words: Uint32Array,
  payload: Uint8Array,
): Uint8Array {
  const message = new Uint8Array(HEADER + words.length * 4 + payload.length);
  const view = new DataView(message.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(8, sequence, true);
  view.setUint8(12, kind);
  view.setUint8(13, packing);
  view.setUint16(14, count, true);
  words.forEach((word, index) => view.setUint32(HEADER + index * 4, word, true));
  message.set(payload, HEADER + words.length * 4);
  view.setUint32(4, crc32(message.subarray(8)), true);
  return message;
}

/**
 * Checks a message's header and CRC.
 * @returns its number, and how to take its content out
 * @throws V3Error INVALID_REQUEST what is wrong and where
 */
export function openMessage(
  bytes: Uint8Array,
  memoryPages: number,
): { sequence: number; read: () => Promise<StreamMessage> } {
  if (bytes.length < HEADER) throw malformed(`${bytes.length} bytes are less than its header`, 0);
  if (bytes.length > MAX_MESSAGE_BYTES) {
    throw malformed(`${bytes.length} bytes are more than the ${MAX_MESSAGE_BYTES} that it may have`, 0);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== MAGIC) throw malformed('it does not begin with V3M1', 0);
  if (view.getUint32(4, true) !== crc32(bytes.subarray(8))) throw malformed('its checksum is wrong', 4);
  const kind = view.getUint8(12);
  const packing = view.getUint8(13);
  if (packing > PACKING.deflated) throw malformed(`a packing is 0 or 1, not ${packing}`, 13);
  const sequence = view.getUint32(8, true);
  if (kind === KIND.pages) return { sequence, read: pagesOf(bytes, view, packing, memoryPages) };
  if (kind === KIND.head) {
    const message = headOf(bytes, view, packing);
    return { sequence, read: async () => message };
  }
  throw malformed(`a kind is 1 or 2, not ${kind}`, 12);
}

function pagesOf(
  message: Uint8Array,
  view: DataView,
  packing: number,
  memoryPages: number,
): () => Promise<PagesMessage> {
  const count = view.getUint16(14, true);
  if (count < 1 || count > BATCH_PAGES) throw malformed(`1 to ${BATCH_PAGES} pages, not ${count}`, 14);
  const at = HEADER + count * 4;
  const length = count * PAGE_BYTES;
  if (message.length < at) throw malformed(`the numbers of ${count} pages do not fit`, HEADER);
  const numbers = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    const number = view.getUint32(HEADER + i * 4, true);
    if (number >= memoryPages)
      throw malformed(`there is no page ${number}, the machine has ${memoryPages}`, HEADER + i * 4);
    numbers[i] = number;
  }
  const payload = message.subarray(at);
  if (packing === PACKING.raw && payload.length !== length) {
    throw malformed(`${count} pages have ${length} bytes, not ${payload.length}`, at);
  }
  return async () => {
    const bytes = packing === PACKING.raw ? payload.slice() : await unpack(payload, length, at);
    return { kind: 'pages', numbers, bytes: bytes as Uint8Array<ArrayBuffer> };
  };
}

async function unpack(payload: Uint8Array, length: number, at: number): Promise<Uint8Array> {
  const bytes = await inflate(payload, { maxOutputLength: length }).catch((cause: Error) => {
    throw malformed(`its pages can't be unpacked: ${cause.message}`, at);
  });
  if (bytes.length !== length) throw malformed(`${bytes.length} bytes were packed, not ${length}`, at);
  // Small results share a buffer with others.
  return bytes.byteLength === bytes.buffer.byteLength ? new Uint8Array(bytes.buffer) : new Uint8Array(bytes);
}

function headOf(message: Uint8Array, view: DataView, packing: number): HeadMessage {
  if (packing !== PACKING.raw) throw malformed('a head is not packed', 13);
  if (message.length < HEADER + 8) throw malformed('its part is not numbered', HEADER);
  const part = view.getUint32(HEADER, true);
  const parts = view.getUint32(HEADER + 4, true);
  if (parts < 1 || parts > MAX_HEAD_BYTES / PART_BYTES || part >= parts) {
    throw malformed(`there is no part ${part} of ${parts}`, HEADER);
  }
  return { kind: 'head', part, parts, bytes: message.slice(HEADER + 8) };
}

const headShape = z.looseObject({
  format: z.int(),
  engineVersion: z.string(),
  memoryMiB: z.int(),
  nicCount: z.int(),
});

/** From its parts, in order. @throws V3Error INVALID_REQUEST */
export function decodeHead(parts: readonly Uint8Array[]): MachineHead {
  const whole = Buffer.concat(parts);
  const length = whole.length < 4 ? 0 : whole.readUInt32LE();
  if (length < 2 || 4 + length > whole.length) throw malformed('the head ends inside of its text', 0);
  let text: unknown;
  try {
    text = JSON.parse(whole.toString('utf8', 4, 4 + length));
  } catch {
    throw malformed('the head is not JSON', 4);
  }
  const head = headShape.safeParse(text);
  if (!head.success) throw malformed(`the head is incomplete: ${z.prettifyError(head.error)}`, 4);
  return { ...head.data, devices: new Uint8Array(whole.subarray(4 + length)) } as MachineHead;
}

function malformed(what: string, offset: number): V3Error {
  return new V3Error('INVALID_REQUEST', `migration stream: ${what} (offset ${offset})`);
}

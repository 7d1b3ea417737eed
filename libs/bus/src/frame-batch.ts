import { V3Error, type VnetPlace } from '@v3vee/contracts';
import { formatMac, parseMac } from '@v3vee/wire';
import type { Bus } from './bus';

/** A super-frame (virtio-net header, then Ethernet) on the network numbered `vni`. */
export interface TaggedFrame {
  vni: number;
  frame: Uint8Array;
  /**
   * On its way to a host: the place there that it is for; absent: whom its destination address names.
   * On its way to the router: the place that it came from.
   */
  place?: VnetPlace;
}

/** `"V3" 0x0002` little endian: magic and version of the batch format. */
const MAGIC = 0x00023356;
const HEADER = 8;
const ENTRY = 16;
const KIND_NONE = 0;
const KIND_INTERFACE = 1;
const KIND_EDGE = 2;
/** Largest super-frame: 64 KiB of IP behind Ethernet, VLAN and virtio headers, with room to spare. */
export const MAX_FRAME_BYTES = 66_000;
/** One NATS message stays well below the server's max_payload of 1 MiB. */
const MAX_BATCH_BYTES = 768 * 1024;

/**
 * Batch layout, little endian: `u32 magic · u32 count · count × (u32 vni · u32 length · u16 kind · 6 bytes place · bytes)`.
 * Kind 0: no place (zeros); 1: an interface, by its MAC address; 2: an edge, `u16 0 · u32 link`.
 */
export function encodeFrameBatch(frames: readonly TaggedFrame[]): Uint8Array {
  let size = HEADER;
  for (const { frame } of frames) size += ENTRY + frame.length;
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, frames.length, true);
  let at = HEADER;
  for (const { vni, frame, place } of frames) {
    view.setUint32(at, vni, true);
    view.setUint32(at + 4, frame.length, true);
    if (place) encodePlace(bytes, view, at + 8, place);
    bytes.set(frame, at + ENTRY);
    at += ENTRY + frame.length;
  }
  return bytes;
}

/**
 * The frames are copies' views: each is its own slice of `bytes`' buffer, not copied.
 * @throws V3Error INVALID_REQUEST where the batch is not one, with the offset
 */
export function decodeFrameBatch(bytes: Uint8Array): TaggedFrame[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEADER || view.getUint32(0, true) !== MAGIC) throw malformed('no frame batch header', 0);
  const count = view.getUint32(4, true);
  if (count > (bytes.length - HEADER) / ENTRY) throw malformed(`${count} frames can't fit`, 4);
  const frames: TaggedFrame[] = [];
  let at = HEADER;
  for (let i = 0; i < count; i++) {
    if (at + ENTRY > bytes.length) throw malformed('the batch ends inside an entry', at);
    const vni = view.getUint32(at, true);
    const length = view.getUint32(at + 4, true);
    if (length > MAX_FRAME_BYTES || at + ENTRY + length > bytes.length) {
      throw malformed(`a frame of ${length} bytes is too long`, at + 4);
    }
    const frame = bytes.subarray(at + ENTRY, at + ENTRY + length);
    const place = decodePlace(bytes, view, at + 8);
    frames.push(place ? { vni, frame, place } : { vni, frame });
    at += ENTRY + length;
  }
  if (at !== bytes.length) throw malformed('there are bytes after the last frame', at);
  return frames;
}

function encodePlace(bytes: Uint8Array, view: DataView, at: number, place: VnetPlace): void {
  if (place.type === 'interface') {
    view.setUint16(at, KIND_INTERFACE, true);
    bytes.set(parseMac(place.mac), at + 2);
  } else {
    view.setUint16(at, KIND_EDGE, true);
    view.setUint32(at + 4, place.link, true);
  }
}

function decodePlace(bytes: Uint8Array, view: DataView, at: number): VnetPlace | undefined {
  const kind = view.getUint16(at, true);
  const high = view.getUint16(at + 2, true);
  const low = view.getUint32(at + 4, true);
  switch (kind) {
    case KIND_NONE:
      if (high === 0 && low === 0) return undefined;
      throw malformed('a frame without a place names one', at);
    case KIND_INTERFACE:
      return { type: 'interface', mac: formatMac(bytes, at + 2) };
    case KIND_EDGE:
      if (high === 0 && low > 0) return { type: 'edge', link: low };
      throw malformed('there is no such link index', at + 2);
    default:
      throw malformed(`a place is of kind 0, 1 or 2, not ${kind}`, at);
  }
}

function malformed(what: string, offset: number): V3Error {
  return new V3Error('INVALID_REQUEST', `frame batch: ${what} (offset ${offset})`);
}

/**
 * Collects frames per subject and sends each subject's as one message at the end of the event-loop tick:
 * a burst becomes one message, a lone frame waits for nothing.
 */
export class FrameSender {
  private readonly waiting = new Map<string, { frames: TaggedFrame[]; bytes: number }>();
  private scheduled = false;

  constructor(private readonly bus: Pick<Bus, 'publishRaw'>) {}

  send(subject: string, frame: TaggedFrame): void {
    let batch = this.waiting.get(subject);
    if (batch && batch.bytes + frame.frame.length + ENTRY > MAX_BATCH_BYTES) {
      this.publish(subject, batch.frames);
      batch = undefined;
    }
    if (!batch) this.waiting.set(subject, (batch = { frames: [], bytes: 0 }));
    batch.frames.push(frame);
    batch.bytes += frame.frame.length + ENTRY;
    if (!this.scheduled) {
      this.scheduled = true;
      setImmediate(() => this.flush());
    }
  }

  flush(): void {
    this.scheduled = false;
    const batches = [...this.waiting];
    this.waiting.clear();
    for (const [subject, { frames }] of batches) this.publish(subject, frames);
  }

  private publish(subject: string, frames: TaggedFrame[]): void {
    this.bus.publishRaw(subject, encodeFrameBatch(frames));
  }
}

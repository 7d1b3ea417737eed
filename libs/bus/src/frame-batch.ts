import { V3Error, type VnetPlace } from '@v3vee/contracts';
import { formatMac, parseMac } from '@v3vee/wire';

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
/** In front of each frame. */
export const ENTRY = 16;
const KIND_NONE = 0;
const KIND_INTERFACE = 1;
const KIND_EDGE = 2;
/** Largest super-frame: 64 KiB of IP behind Ethernet, VLAN and virtio headers, with room to spare. */
export const MAX_FRAME_BYTES = 66_000;

/**
 * Writes a batch, little endian: `u32 magic · u32 count · count × (u32 vni · u32 length · u16 kind · 6 bytes place ·
 * bytes)`. Kind 0: no place (zeros); 1: an interface, by its MAC address; 2: an edge, `u16 0 · u32 link`.
 *
 * Frames are copied as they come, so that a burst costs one pass and no object for each frame.
 */
export class FrameBatch {
  private bytes: Buffer;
  private view: DataView;
  private at = HEADER;
  private count = 0;

  /** @param expected bytes that it will probably have; it grows when there are more */
  constructor(expected = 0) {
    [this.bytes, this.view] = unzeroed(Math.max(expected, 256));
  }

  /** Of the batch so far. */
  get length(): number {
    return this.at;
  }

  add({ vni, frame, place }: TaggedFrame): void {
    const { at } = this;
    const end = at + ENTRY + frame.length;
    if (end > this.bytes.length) this.grow(end);
    const { bytes, view } = this;
    view.setUint32(at, vni, true);
    view.setUint32(at + 4, frame.length, true);
    view.setUint32(at + 8, 0, true);
    view.setUint32(at + 12, 0, true);
    if (place) encodePlace(bytes, view, at + 8, place);
    bytes.set(frame, at + ENTRY);
    this.at = end;
    this.count++;
  }

  /** The batch; nothing may be added afterwards. */
  finish(): Uint8Array {
    this.view.setUint32(0, MAGIC, true);
    this.view.setUint32(4, this.count, true);
    // Not a Buffer: its `slice` would be a view.
    return new Uint8Array(this.bytes.buffer, this.bytes.byteOffset, this.at);
  }

  private grow(needed: number): void {
    const old = this.bytes;
    [this.bytes, this.view] = unzeroed(Math.max(needed, old.length * 2));
    this.bytes.set(old.subarray(0, this.at));
  }
}

/** Memory that is written before it is read: to clear it first cost as much as the copy of large frames. */
function unzeroed(length: number): [Buffer, DataView] {
  const bytes = Buffer.allocUnsafe(length);
  return [bytes, new DataView(bytes.buffer, bytes.byteOffset, length)];
}

export function encodeFrameBatch(frames: readonly TaggedFrame[]): Uint8Array {
  const batch = new FrameBatch(frames.reduce((sum, { frame }) => sum + ENTRY + frame.length, HEADER));
  for (const frame of frames) batch.add(frame);
  return batch.finish();
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

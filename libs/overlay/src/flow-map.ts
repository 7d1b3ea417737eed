/** Stands for any address where half of one is expected; no half is negative. */
export const ANY = -1;

/** Half an address at `offset`: 24 bits, so that it stays a small integer in the engine. */
export function half(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! << 16) | (bytes[offset + 1]! << 8) | bytes[offset + 2]!;
}

/** The whole address that two halves make. */
export function whole(high: number, low: number): number {
  return high * 0x1_00_00_00 + low;
}

/** A flow's key: a number (of a place, or of a network) and the two addresses in halves. */
export interface FlowKey {
  readonly id: number;
  readonly sourceHigh: number;
  readonly sourceLow: number;
  readonly destinationHigh: number;
  readonly destinationLow: number;
}

/** Slots at the start; a power of two. */
const SMALLEST = 32;
/** 32-bit words of one slot, half a cache line: id, source, destination, index of the value + 1 (0: free slot). */
const STRIDE = 8;
const VALUE = 5;
/** Fuller, probes get long; emptier, more of the table falls out of the processor's caches. */
const FULLEST = 0.8;

/**
 * A map from (number, source address, destination address) to an object. All that a probe reads of a slot is
 * in one cache line, so that the cost of a look-up hardly grows with the number of entries; a built-in Map
 * needs a key made for each frame. Open addressing with linear probing; the hash is
 * seeded, since guests choose addresses. Each object is kept once, however many keys lead to it.
 */
export class FlowMap<T extends object> {
  private capacity = SMALLEST;
  private slots = new Int32Array(SMALLEST * STRIDE);
  private values: T[] = [];
  private indexes = new Map<T, number>();
  private used = 0;

  constructor(private readonly seed = (Math.random() * 0x1_0000_0000) | 0) {}

  get size(): number {
    return this.used;
  }

  get(id: number, sh: number, sl: number, dh: number, dl: number): T | undefined {
    const index = this.slots[this.slotOf(id, sh, sl, dh, dl) + VALUE]!;
    return index === 0 ? undefined : this.values[index - 1];
  }

  set(id: number, sh: number, sl: number, dh: number, dl: number, value: T): void {
    if (this.used + 1 > this.capacity * FULLEST) this.rebuild(this.capacity * 2);
    this.insert(id, sh, sl, dh, dl, this.indexOf(value));
  }

  /** Forgets what `keep` answers false for; values that nobody leads to any more as well. */
  retain(keep: (key: FlowKey, value: T) => boolean): void {
    let doomed = false;
    for (const [key, value] of this.entries()) {
      if (keep(key, value)) continue;
      doomed = true;
      break;
    }
    if (!doomed) return;
    const old = [...this.entries()];
    this.clear(this.capacity);
    for (const [key, value] of old) {
      if (keep(key, value)) {
        const { id, sourceHigh, sourceLow, destinationHigh, destinationLow } = key;
        this.set(id, sourceHigh, sourceLow, destinationHigh, destinationLow, value);
      }
    }
  }

  *entries(): Generator<[FlowKey, T]> {
    const { slots, values } = this;
    for (let slot = 0; slot < slots.length; slot += STRIDE) {
      const index = slots[slot + VALUE]!;
      if (index === 0) continue;
      const key = {
        id: slots[slot]!,
        sourceHigh: slots[slot + 1]!,
        sourceLow: slots[slot + 2]!,
        destinationHigh: slots[slot + 3]!,
        destinationLow: slots[slot + 4]!,
      };
      yield [key, values[index - 1]!];
    }
  }

  private clear(capacity: number): void {
    this.capacity = capacity;
    this.slots = new Int32Array(capacity * STRIDE);
    this.values = [];
    this.indexes = new Map();
    this.used = 0;
  }

  private indexOf(value: T): number {
    let index = this.indexes.get(value);
    if (index === undefined) {
      index = this.values.push(value);
      this.indexes.set(value, index);
    }
    return index;
  }

  private insert(id: number, sh: number, sl: number, dh: number, dl: number, index: number): void {
    const { slots } = this;
    const slot = this.slotOf(id, sh, sl, dh, dl);
    if (slots[slot + VALUE] === 0) {
      this.used++;
      slots[slot] = id;
      slots[slot + 1] = sh;
      slots[slot + 2] = sl;
      slots[slot + 3] = dh;
      slots[slot + 4] = dl;
    }
    slots[slot + VALUE] = index;
  }

  private rebuild(capacity: number): void {
    const old = this.slots;
    this.capacity = capacity;
    this.slots = new Int32Array(capacity * STRIDE);
    this.used = 0;
    for (let at = 0; at < old.length; at += STRIDE) {
      const index = old[at + VALUE]!;
      if (index !== 0) this.insert(old[at]!, old[at + 1]!, old[at + 2]!, old[at + 3]!, old[at + 4]!, index);
    }
  }

  /** Where the key is, or the free slot where it would be. */
  private slotOf(id: number, sh: number, sl: number, dh: number, dl: number): number {
    const { slots } = this;
    const mask = slots.length - 1;
    // Multiply and shift, as MurmurHash3 mixes its words.
    let mixed = Math.imul(this.seed ^ id, 0x27d4eb2f);
    mixed = Math.imul(mixed ^ sh ^ (mixed >>> 15), 0x85ebca6b);
    mixed = Math.imul(mixed ^ sl ^ (mixed >>> 13), 0xc2b2ae35);
    mixed = Math.imul(mixed ^ dh ^ (mixed >>> 16), 0x9e3779b1);
    mixed = Math.imul(mixed ^ dl ^ (mixed >>> 15), 0x165667b1);
    let slot = ((mixed ^ (mixed >>> 16)) * STRIDE) & mask;
    while (
      slots[slot + VALUE] !== 0 &&
      !(
        slots[slot + 4] === dl &&
        slots[slot + 3] === dh &&
        slots[slot + 2] === sl &&
        slots[slot + 1] === sh &&
        slots[slot] === id
      )
    ) {
      slot = (slot + STRIDE) & mask;
    }
    return slot;
  }
}

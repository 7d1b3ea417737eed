import { formatMac } from './mac-address';

/** Slots at the start; a power of two. */
const SMALLEST = 16;

/**
 * A map from (network number, MAC address) to an object, looked up with the address where it stands in a
 * frame. A built-in Map needs a key made for each frame (a string, or a number too large to be stored
 * unboxed) and took 2 to 7 times as long here. Open addressing with linear probing; the hash is seeded, since
 * guests choose addresses.
 */
export class MacMap<T extends object> {
  private capacity = SMALLEST;
  private vnis = new Int32Array(SMALLEST);
  private highs = new Int32Array(SMALLEST);
  private lows = new Int32Array(SMALLEST);
  private values: (T | undefined)[] = empty(SMALLEST);
  private used = 0;

  constructor(private readonly seed = (Math.random() * 0x1_0000_0000) | 0) {}

  get size(): number {
    return this.used;
  }

  get(vni: number, bytes: Uint8Array, offset = 0): T | undefined {
    return this.values[this.slotOf(vni, half(bytes, offset), half(bytes, offset + 3))];
  }

  set(vni: number, bytes: Uint8Array, offset: number, value: T): void {
    this.put(vni, half(bytes, offset), half(bytes, offset + 3), value);
  }

  delete(vni: number, bytes: Uint8Array, offset = 0): boolean {
    let hole = this.slotOf(vni, half(bytes, offset), half(bytes, offset + 3));
    if (this.values[hole] === undefined) return false;
    // Close the gap: whoever probed past it must still be found.
    const mask = this.capacity - 1;
    for (let slot = (hole + 1) & mask; this.values[slot] !== undefined; slot = (slot + 1) & mask) {
      const home = this.hash(
        this.vnis[slot] as number,
        this.highs[slot] as number,
        this.lows[slot] as number,
      );
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
      this.vnis[hole] = this.vnis[slot] as number;
      this.highs[hole] = this.highs[slot] as number;
      this.lows[hole] = this.lows[slot] as number;
      this.values[hole] = this.values[slot];
      hole = slot;
    }
    this.values[hole] = undefined;
    this.used--;
    return true;
  }

  clear(): void {
    this.allocate(SMALLEST);
  }

  *entries(): Generator<{ vni: number; mac: string; value: T }> {
    for (let slot = 0; slot < this.capacity; slot++) {
      const value = this.values[slot];
      if (value === undefined) continue;
      yield { vni: this.vnis[slot] as number, mac: macOf(this.highs[slot]!, this.lows[slot]!), value };
    }
  }

  private put(vni: number, high: number, low: number, value: T): void {
    const slot = this.slotOf(vni, high, low);
    if (this.values[slot] === undefined) {
      // Half full at most, or the probes get long.
      if ((this.used + 1) * 2 > this.capacity) {
        this.grow();
        return this.put(vni, high, low, value);
      }
      this.used++;
      this.vnis[slot] = vni;
      this.highs[slot] = high;
      this.lows[slot] = low;
    }
    this.values[slot] = value;
  }

  /** Where the key is, or the empty slot where it would be. */
  private slotOf(vni: number, high: number, low: number): number {
    const mask = this.capacity - 1;
    let slot = this.hash(vni, high, low);
    while (
      this.values[slot] !== undefined &&
      !(this.lows[slot] === low && this.highs[slot] === high && this.vnis[slot] === vni)
    ) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  /** Multiply and shift, as MurmurHash3 mixes its words. */
  private hash(vni: number, high: number, low: number): number {
    let mixed = this.seed ^ Math.imul(vni, 0x27d4eb2f);
    mixed = Math.imul(mixed ^ high ^ (mixed >>> 15), 0x85ebca6b);
    mixed = Math.imul(mixed ^ low ^ (mixed >>> 13), 0xc2b2ae35);
    return (mixed ^ (mixed >>> 16)) & (this.capacity - 1);
  }

  private grow(): void {
    const { vnis, highs, lows, values } = this;
    this.allocate(this.capacity * 2);
    values.forEach((value, slot) => {
      if (value !== undefined) this.put(vnis[slot]!, highs[slot]!, lows[slot]!, value);
    });
  }

  private allocate(capacity: number): void {
    this.capacity = capacity;
    this.vnis = new Int32Array(capacity);
    this.highs = new Int32Array(capacity);
    this.lows = new Int32Array(capacity);
    this.values = empty(capacity);
    this.used = 0;
  }
}

function empty<T>(capacity: number): (T | undefined)[] {
  return new Array<T | undefined>(capacity).fill(undefined);
}

/** Half an address: 24 bits, so that it stays a small integer in the engine. */
function half(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] ?? 0) << 16) | ((bytes[offset + 1] ?? 0) << 8) | (bytes[offset + 2] ?? 0);
}

function macOf(high: number, low: number): string {
  return formatMac(Uint8Array.of(high >> 16, high >> 8, high, low >> 16, low >> 8, low));
}

import { MAC_A, TestWire } from '../ethernet/testing';
import type { DmaAccess } from '../pci/bus-master';
import { TestLine, testMemory } from '../virtio/testing';
import { Rtl8139, type Rtl8139Options } from './device';
import type { Rtl8139Model } from './registers';

/** Test kit: a card in a machine with 1 MiB of memory, and the driver's side of it. */

export const RX_BUFFER = 0x10000;
export const TX_BUFFERS = 0x30000;
export const TX_RING = 0x40000;
export const RX_RING = 0x40400;
export const RX_BUFFERS = 0x50000;
export const RING = 16;
const BUFFER = 1536;

export class Rtl8139Driver {
  readonly wire = new TestWire();
  readonly line = new TestLine();
  readonly memory = testMemory();
  readonly violations: DmaAccess[] = [];
  readonly card: Rtl8139;
  /** Guest time in milliseconds. */
  time = 0;
  private nextTx = 0;
  private nextRx = 0;

  constructor(
    readonly model: Rtl8139Model,
    options: Partial<Rtl8139Options> = {},
  ) {
    this.card = new Rtl8139(
      'rtl8139-0',
      {
        mac: MAC_A,
        model,
        line: this.wire,
        now: () => this.time,
        onDmaViolation: access => void this.violations.push(access),
        ...options,
      },
      this.memory,
      this.line,
    );
  }

  out(offset: number, size: number, value: number): void {
    this.card.write(offset, size, value);
  }

  in(offset: number, size: number): number {
    return this.card.read(offset, size);
  }

  isr(): number {
    return this.in(0x3e, 2);
  }

  acknowledge(bits = 0xffff): void {
    this.out(0x3e, 2, bits);
  }

  /** Reset and start as 8139too does; `rcr` beside the acceptance bits given. */
  start(accept = 0x0a, { length = 2, noWrap = true } = {}): void {
    this.out(0x37, 1, 0x10);
    this.out(0x30, 4, RX_BUFFER);
    this.out(0x37, 1, 0x0c);
    this.out(0x44, 4, 0xe700 | (length << 11) | (noWrap ? 0x80 : 0) | accept);
    this.out(0x40, 4, 0x03000680);
    for (let n = 0; n < 4; n++) this.out(0x20 + 4 * n, 4, TX_BUFFERS + 2048 * n);
    this.out(0x3c, 2, 0xe07f);
    this.nextTx = this.nextRx = 0;
  }

  /** Reset and start as 8139cp does. */
  startPlus(accept = 0x0a, cpcr = 0x63): void {
    this.out(0x37, 1, 0x10);
    this.out(0xe0, 2, cpcr);
    this.out(0x28, 4, 0);
    this.out(0x2c, 4, 0);
    this.out(0xe4, 4, RX_RING);
    this.out(0xe8, 4, 0);
    this.out(0x20, 4, TX_RING);
    this.out(0x24, 4, 0);
    for (let i = 0; i < RING; i++) this.giveReceive(i);
    this.descriptor(TX_RING, RING - 1, 0x40000000, 0, 0);
    this.out(0x37, 1, 0x0c);
    this.out(0x44, 4, 0xa400 | accept);
    this.out(0x40, 4, 0x03000600);
    this.out(0x3c, 2, 0x80ff);
    this.nextTx = this.nextRx = 0;
  }

  giveReceive(i: number, length = BUFFER): void {
    const end = i === RING - 1 ? 0x40000000 : 0;
    this.descriptor(RX_RING, i, (0x80000000 | end | length) >>> 0, 0, RX_BUFFERS + 2048 * i);
  }

  descriptor(ring: number, i: number, opts1: number, opts2: number, address: number): void {
    const view = this.memory.view();
    view.setUint32(ring + 16 * i, opts1 >>> 0, true);
    view.setUint32(ring + 16 * i + 4, opts2 >>> 0, true);
    view.setBigUint64(ring + 16 * i + 8, BigInt(address), true);
  }

  /** C mode. @returns what the status register shows afterwards */
  send(frame: Uint8Array): number {
    const n = this.nextTx;
    this.nextTx = (n + 1) & 3;
    this.memory.bytes().set(frame, TX_BUFFERS + 2048 * n);
    this.out(0x10 + 4 * n, 4, 0x80000 | frame.length);
    return this.in(0x10 + 4 * n, 4);
  }

  /** C+ mode, in as many descriptors as parts. @returns the status of the last one */
  sendPlus(parts: Uint8Array[], opts1 = 0, opts2 = 0): number {
    let last = 0;
    parts.forEach((part, i) => {
      const n = (this.nextTx + i) % RING;
      const address = TX_BUFFERS + 4096 * n;
      this.memory.bytes().set(part, address);
      const marks = (i === 0 ? 0x20000000 : 0) | (i === parts.length - 1 ? 0x10000000 : 0);
      const end = n === RING - 1 ? 0x40000000 : 0;
      this.descriptor(TX_RING, n, 0x80000000 | marks | end | opts1 | part.length, opts2, address);
      last = n;
    });
    this.nextTx = (this.nextTx + parts.length) % RING;
    this.out(0xd9, 1, 0x40);
    return this.memory.view().getUint32(TX_RING + 16 * last, true);
  }

  /** C mode: the next packet of the buffer, as 8139too takes it. */
  take(length = 32768, base = RX_BUFFER): { status: number; frame: Uint8Array } | undefined {
    if (this.in(0x37, 1) & 1) return undefined;
    const at = this.nextRx % length;
    const view = this.memory.view();
    const status = view.getUint16(base + at, true);
    const size = view.getUint16(base + at + 2, true);
    const from = base + at + 4;
    const contiguous = (this.in(0x44, 4) & 0x80) !== 0 && length < 0x10000;
    const first = contiguous ? size - 4 : Math.min(size - 4, length - at - 4);
    const frame = new Uint8Array(size - 4);
    frame.set(this.memory.bytes().subarray(from, from + first));
    frame.set(this.memory.bytes().subarray(base, base + frame.length - first), first);
    this.nextRx = (this.nextRx + size + 4 + 3) & ~3;
    this.out(0x38, 2, (this.nextRx - 16) & 0xffff);
    return { status, frame };
  }

  /** C+ mode: the next packet of the ring, which must lie in one buffer; its descriptor is given back. */
  takePlus(): { opts1: number; opts2: number; frame: Uint8Array } | undefined {
    const view = this.memory.view();
    const i = this.nextRx;
    const opts1 = view.getUint32(RX_RING + 16 * i, true);
    if (opts1 & 0x80000000) return undefined;
    const opts2 = view.getUint32(RX_RING + 16 * i + 4, true);
    const address = RX_BUFFERS + 2048 * i;
    const frame = this.memory.bytes().slice(address, address + (opts1 & 0x1fff) - 4);
    this.giveReceive(i);
    this.nextRx = (i + 1) % RING;
    return { opts1, opts2, frame };
  }

  /** A word of the EEPROM, bit by bit through 9346CR. */
  readEeprom(word: number, addressBits = 6): number {
    this.command((6 << addressBits) | word, 3 + addressBits);
    let value = 0;
    for (let i = 0; i < 16; i++) {
      this.out(0x50, 1, 0x8c);
      value = (value << 1) | (this.in(0x50, 1) & 1);
      this.out(0x50, 1, 0x88);
    }
    this.out(0x50, 1, 0);
    return value;
  }

  writeEeprom(word: number, value: number): void {
    this.command(0x130, 9); // enable writing
    this.command(0x140 | word, 9);
    this.clockOut(value, 16);
    this.out(0x50, 1, 0);
    this.command(0x100, 9); // disable it
    this.out(0x50, 1, 0);
  }

  private command(bits: number, count: number): void {
    this.out(0x50, 1, 0x80);
    this.out(0x50, 1, 0x88);
    this.clockOut(bits, count);
    this.out(0x50, 1, 0x88);
  }

  private clockOut(bits: number, count: number): void {
    for (let i = count - 1; i >= 0; i--) {
      const data = (bits >> i) & 1 ? 2 : 0;
      this.out(0x50, 1, 0x88 | data);
      this.out(0x50, 1, 0x8c | data);
    }
  }
}

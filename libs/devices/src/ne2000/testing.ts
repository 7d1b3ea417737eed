import { MAC_A, TestWire } from '../ethernet/testing';
import { TestLine } from '../virtio/testing';
import { Ne2000 } from './device';

/** Test kit: a card, and the driver's side of it as Linux's ne2k-pci drives it. */

export const START = 0x22;
const STOP = 0x21;
export const TX_PAGE = 0x40;
export const RX_START = 0x4c;
export const RX_STOP = 0x80;

export interface Received {
  status: number;
  next: number;
  frame: Uint8Array;
}

export class Ne2000Driver {
  readonly wire = new TestWire();
  readonly line = new TestLine();
  readonly card: Ne2000;
  private nextPage = RX_START;

  constructor(mac = MAC_A, memoryKiB: 16 | 32 = 16) {
    this.card = new Ne2000('ne2000-0', { mac, memoryKiB, line: this.wire }, this.line);
  }

  out(offset: number, value: number, size = 1): void {
    this.card.write(offset, size, value);
  }

  in(offset: number, size = 1): number {
    return this.card.read(offset, size);
  }

  /** Reset, read the PROM, set all up and start, with the given receive configuration. */
  start(rcr = 0x0c, { imr = 0x3f } = {}): void {
    this.in(0x1f);
    this.out(0x07, 0xff);
    this.out(0x00, STOP);
    this.out(0x0e, 0x49); // words
    this.out(0x0c, 0x20);
    this.out(0x0d, 0x02);
    this.out(0x04, TX_PAGE);
    this.out(0x01, RX_START);
    this.out(0x03, RX_STOP - 1);
    this.out(0x02, RX_STOP);
    this.out(0x07, 0xff);
    this.out(0x0f, imr);
    this.out(0x00, 0x61);
    const prom = this.prom();
    this.out(0x00, 0x61);
    prom.forEach((byte, i) => this.out(0x01 + i, byte));
    for (let i = 0; i < 8; i++) this.out(0x08 + i, 0);
    this.out(0x07, RX_START);
    this.nextPage = RX_START;
    this.out(0x00, START);
    this.out(0x0d, 0x00);
    this.out(0x0c, rcr);
  }

  /** The address, byte by byte from a PROM that answers words. */
  prom(): number[] {
    this.remote(0, 32, 0x0a);
    const bytes = Array.from({ length: 32 }, () => this.in(0x10));
    this.out(0x07, 0x40);
    return bytes.slice(0, 6);
  }

  /** Sets the remote DMA channel up and starts it: 0x0a reads, 0x12 writes. */
  remote(address: number, length: number, command: number): void {
    this.out(0x00, START);
    this.out(0x0a, length & 0xff);
    this.out(0x0b, length >> 8);
    this.out(0x08, address & 0xff);
    this.out(0x09, address >> 8);
    this.out(0x00, command);
  }

  readMemory(address: number, length: number): Uint8Array {
    this.remote(address, length, 0x0a);
    const padded = (length + 3) & ~3;
    const bytes = new Uint8Array(padded);
    const view = new DataView(bytes.buffer);
    for (let i = 0; i < padded; i += 4) view.setUint32(i, this.in(0x10, 4), true);
    this.out(0x07, 0x40);
    return bytes.subarray(0, length);
  }

  writeMemory(address: number, data: Uint8Array): void {
    this.remote(address, data.length, 0x12);
    const padded = new Uint8Array((data.length + 3) & ~3);
    padded.set(data);
    const view = new DataView(padded.buffer);
    for (let i = 0; i < padded.length; i += 4) this.out(0x10, view.getUint32(i, true), 4);
    this.out(0x07, 0x40);
  }

  send(frame: Uint8Array): void {
    this.writeMemory(TX_PAGE << 8, frame);
    this.out(0x00, START);
    this.out(0x05, frame.length & 0xff);
    this.out(0x06, frame.length >> 8);
    this.out(0x04, TX_PAGE);
    this.out(0x00, 0x26);
  }

  /** The page that the card writes next. */
  current(): number {
    this.out(0x00, START | 0x40);
    const page = this.in(0x07);
    this.out(0x00, START);
    return page;
  }

  /** Takes the next packet out of the ring, as `ei_receive` does. */
  take(): Received | undefined {
    if (this.current() === this.nextPage) return undefined;
    const [status, next, low, high] = this.readMemory(this.nextPage << 8, 4) as unknown as number[];
    const length = (low! | (high! << 8)) - 4;
    const frame = this.readMemory((this.nextPage << 8) + 4, length);
    this.nextPage = next!;
    this.out(0x03, next === RX_START ? RX_STOP - 1 : next! - 1);
    return { status: status!, next: next!, frame };
  }

  isr(): number {
    return this.in(0x07);
  }
}

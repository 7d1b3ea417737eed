/** The accesses that Linux's driver makes (lib8390.c and ne2k-pci.c, 32 bits wide where it can), and what it keeps. */

export interface Ports {
  read(offset: number, size: number): number;
  write(offset: number, size: number, value: number): void;
}

const CR = 0;
const ISR = 0x07;
const IMR = 0x0f;
const DATA = 0x10;
const RESET = 0x1f;

const PAGE0 = 0x20;
const PAGE1 = 0x60;
const START = 0x22;
const STOP = 0x21;
const READ = 0x0a;
const WRITE = 0x12;
const TRANSMIT = 0x26;

const ALL_INTERRUPTS = 0x3f;
const TX_PAGES = [0x40, 0x46] as const;
const RX_START = 0x4c;
const RX_STOP = 0x80;

export class LinuxDriver {
  mac: number[] = [];
  readonly received: Uint8Array[] = [];
  /** Transmit status of each frame whose interrupt came. */
  readonly transmitted: number[] = [];
  /** Lengths of the frames that wait in the card's two slots; 0: free. */
  private slots: [number, number] = [0, 0];
  private sending: 0 | 1 | undefined;

  constructor(readonly ports: Ports) {}

  private out(offset: number, value: number): void {
    this.ports.write(offset, 1, value);
  }

  private in(offset: number): number {
    return this.ports.read(offset, 1);
  }

  /** Probe and open: reset, the address from the PROM, all registers. */
  open(): void {
    this.out(RESET, this.in(RESET));
    while (!(this.in(ISR) & 0x80));
    this.out(ISR, 0xff);
    for (const [offset, value] of [
      ...[
        [CR, STOP],
        [0x0e, 0x49],
        [0x0a, 0],
        [0x0b, 0],
        [IMR, 0],
        [ISR, 0xff],
        [0x0c, 0x20],
      ],
      ...[
        [0x0d, 0x02],
        [0x0a, 32],
        [0x0b, 0],
        [0x08, 0],
        [0x09, 0],
        [CR, READ],
      ],
    ] as const) {
      this.out(offset, value);
    }
    this.mac = Array.from({ length: 32 }, () => this.in(DATA)).slice(0, 6);
    for (const [offset, value] of [
      ...[
        [CR, STOP],
        [0x0e, 0x49],
        [0x0a, 0],
        [0x0b, 0],
        [0x0c, 0x20],
        [0x0d, 0x02],
        [0x04, TX_PAGES[0]],
      ],
      ...[
        [0x01, RX_START],
        [0x03, RX_STOP - 1],
        [0x02, RX_STOP],
        [ISR, 0xff],
        [IMR, 0],
        [CR, PAGE1 | 1],
      ],
      ...this.mac.map((byte, i) => [1 + i, byte] as const),
      [0x07, RX_START],
      ...Array.from({ length: 8 }, (_, i) => [0x08 + i, 0xff] as const),
      ...[
        [CR, STOP],
        [ISR, 0xff],
        [IMR, ALL_INTERRUPTS],
        [CR, START],
        [0x0d, 0x00],
        [0x0c, 0x0c],
      ],
    ] as const) {
      this.out(offset, value);
    }
  }

  /** `ei_start_xmit`. @returns whether a slot was free */
  send(frame: Uint8Array): boolean {
    const slot = this.slots[0] === 0 ? 0 : 1;
    if (this.slots[slot] !== 0) return false;
    this.slots[slot] = frame.length;
    this.out(IMR, 0);
    this.upload(TX_PAGES[slot], frame);
    if (this.sending === undefined) {
      this.setUp(slot);
      this.trigger();
    }
    this.out(IMR, ALL_INTERRUPTS);
    return true;
  }

  /** The first half of `NS8390_trigger_send`: all but the command. */
  setUp(slot: 0 | 1): void {
    this.out(CR, PAGE0);
    if (this.in(CR) & 0x04) throw new Error('the transmitter is busy');
    this.out(0x05, this.slots[slot] & 0xff);
    this.out(0x06, this.slots[slot] >> 8);
    this.out(0x04, TX_PAGES[slot]);
    this.sending = slot;
  }

  trigger(): void {
    this.out(CR, TRANSMIT);
  }

  /** `ne2k_pci_block_output`, without what starts the transmission. */
  upload(page: number, frame: Uint8Array, pause?: (left: number) => void): void {
    const count = (frame.length + 1) & ~1;
    const data = new DataView(new ArrayBuffer(count + 2));
    frame.forEach((byte, i) => data.setUint8(i, byte));
    this.out(CR, START);
    this.out(ISR, 0x40);
    this.remote(page << 8, count, WRITE);
    let at = 0;
    for (; at + 4 <= count; at += 4) {
      this.ports.write(DATA, 4, data.getUint32(at, true));
      pause?.(count - at - 4);
    }
    if (count & 2) this.ports.write(DATA, 2, data.getUint16(at, true));
    while (!(this.in(ISR) & 0x40));
    this.out(ISR, 0x40);
  }

  private remote(address: number, count: number, command: number): void {
    this.out(0x0a, count & 0xff);
    this.out(0x0b, count >> 8);
    this.out(0x08, address & 0xff);
    this.out(0x09, address >> 8);
    this.out(CR, command);
  }

  /** `ne2k_pci_block_input`. */
  download(address: number, count: number, pause?: (left: number) => void): Uint8Array {
    const bytes = new Uint8Array(count);
    this.out(CR, START);
    this.remote(address, count, READ);
    for (let at = 0; at < count;) {
      const size = count - at >= 4 ? 4 : count - at >= 2 ? 2 : 1;
      const value = this.ports.read(DATA, size);
      for (let i = 0; i < size; i++) bytes[at++] = (value >>> (8 * i)) & 0xff;
      pause?.(count - at);
    }
    this.out(ISR, 0x40);
    return bytes;
  }

  /** `ei_interrupt`. */
  interrupt(): void {
    this.out(CR, PAGE0);
    for (let left = 12, isr = this.in(ISR); isr !== 0 && left > 0; isr = this.in(ISR), left--) {
      if (isr & 0x05) this.receive();
      if (isr & 0x0a) this.transmissionDone();
      if (isr & 0x40) this.out(ISR, 0x40);
      this.out(CR, START);
    }
  }

  private transmissionDone(): void {
    this.transmitted.push(this.in(0x04));
    this.out(ISR, 0x0a);
    const done = this.sending;
    this.sending = undefined;
    if (done === undefined) return;
    this.slots[done] = 0;
    const next = (1 - done) as 0 | 1;
    if (this.slots[next] === 0) return;
    this.setUp(next);
    this.trigger();
  }

  private receive(): void {
    for (let left = 9; left > 0; left--) {
      this.out(CR, PAGE1);
      const current = this.in(0x07);
      this.out(CR, PAGE0);
      const boundary = this.in(0x03) + 1;
      const page = boundary >= RX_STOP ? RX_START : boundary;
      if (page === current) break;
      const [, next, low, high] = this.download(page << 8, 4);
      this.received.push(this.download((page << 8) + 4, low! + 256 * high! - 4));
      this.out(0x03, next! - 1 < RX_START ? RX_STOP - 1 : next! - 1);
    }
    this.out(ISR, 0x05);
  }
}

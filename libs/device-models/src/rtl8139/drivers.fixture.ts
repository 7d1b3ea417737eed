import type { TestVmm } from './vmm.fixture';

/** Test kit: the register accesses of Linux's drivers, as `8139too.c` and `8139cp.c` make them. */

export interface Driver {
  start(): void;
  send(frame: Uint8Array): void;
  /** The interrupt handler and the poll that it schedules. @returns what was received */
  interrupt(): Uint8Array[];
  /** The same driver after its guest went on with another card. */
  movedTo(vmm: TestVmm): Driver;
}

const RX_RING = 0x10000;
const RX_LENGTH = 32 << 10;
const TX_BUFFERS = 0x20000;

export class Driver8139too implements Driver {
  private currentRx = 0;
  private currentTx = 0;
  private dirtyTx = 0;

  constructor(private readonly vmm: TestVmm) {}

  start(): void {
    const { vmm } = this;
    this.currentRx = this.currentTx = this.dirtyTx = 0;
    this.readEeprom();
    vmm.write(0x37, 1, 0x10);
    vmm.read(0x37, 1);
    vmm.write(0x50, 1, 0xc0);
    vmm.write(0x00, 4, vmm.read(0x00, 4));
    vmm.write(0x04, 4, vmm.read(0x04, 4));
    vmm.write(0x30, 4, RX_RING);
    vmm.write(0x37, 1, 0x0c);
    vmm.write(0x44, 4, 0xf78a);
    vmm.write(0x40, 4, 0x03000600);
    vmm.write(0x50, 1, 0x00);
    for (let n = 0; n < 4; n++) vmm.write(0x20 + 4 * n, 4, TX_BUFFERS + 1536 * n);
    vmm.write(0x4c, 4, 0);
    vmm.write(0x44, 4, 0xf78e);
    vmm.write(0x3c, 2, 0xc07f);
  }

  /** Signature, to find the width of an address, then the station address. */
  private readEeprom(): void {
    for (const [word, bits] of [
      [0, 8],
      [0, 6],
      [7, 6],
      [8, 6],
      [9, 6],
    ] as const) {
      this.vmm.write(0x50, 1, 0x80);
      const command = (6 << bits) | word;
      for (let i = 2 + bits; i >= 0; i--) {
        const data = (command >> i) & 1 ? 2 : 0;
        for (const pins of [0x88, 0x8c]) this.vmm.write(0x50, 1, pins | data);
      }
      for (let i = 0; i < 16; i++) {
        this.vmm.write(0x50, 1, 0x8c);
        this.vmm.read(0x50, 1);
        this.vmm.write(0x50, 1, 0x88);
      }
      this.vmm.write(0x50, 1, 0x00);
    }
  }

  send(frame: Uint8Array): void {
    const n = this.currentTx++ & 3;
    this.vmm.memory.bytes().set(frame, TX_BUFFERS + 1536 * n);
    this.vmm.write(0x10 + 4 * n, 4, 0x80000 | Math.max(60, frame.length));
    this.vmm.read(0x10 + 4 * n, 4);
  }

  interrupt(): Uint8Array[] {
    const { vmm } = this;
    const status = vmm.read(0x3e, 2);
    const received = (status & 0x51) !== 0;
    if (status & ~0x59) vmm.write(0x3e, 2, status & ~0x59);
    if (received) this.flushed(0x3c, 2, 0xc07f & ~0x51);
    while (status & 0x0c && this.dirtyTx < this.currentTx) {
      if (!(vmm.read(0x10 + 4 * (this.dirtyTx & 3), 4) & 0x4000c000)) break;
      this.dirtyTx++;
    }
    if (!received) return [];
    const frames: Uint8Array[] = [];
    while (!(vmm.read(0x37, 1) & 1)) frames.push(this.take());
    this.flushed(0x3c, 2, 0xc07f);
    return frames;
  }

  private take(): Uint8Array {
    const { vmm } = this;
    const at = RX_RING + (this.currentRx % RX_LENGTH);
    const size = vmm.memory.view().getUint16(at + 2, true);
    const frame = vmm.memory.bytes().slice(at + 4, at + size);
    this.currentRx = (this.currentRx + size + 4 + 3) & ~3;
    vmm.write(0x38, 2, (this.currentRx - 16) & 0xffff);
    if (vmm.read(0x3e, 2) & 0x51) this.flushed(0x3e, 2, 0x51);
    return frame;
  }

  private flushed(offset: number, size: number, value: number): void {
    this.vmm.write(offset, size, value);
    this.vmm.read(offset, size);
  }

  /** Frames that the driver takes for not sent yet. */
  get unsent(): number {
    return this.currentTx - this.dirtyTx;
  }

  movedTo(vmm: TestVmm): Driver8139too {
    return Object.assign(new Driver8139too(vmm), { ...this, vmm });
  }
}

const CP_RINGS = 0x8000;
const CP_TX = CP_RINGS + 1024;
const CP_BUFFERS = 0x40000;

export class Driver8139cp implements Driver {
  private rx = 0;
  private tx = 0;

  constructor(private readonly vmm: TestVmm) {}

  start(): void {
    const { vmm } = this;
    this.rx = this.tx = 0;
    vmm.write(0x37, 1, 0x10);
    vmm.read(0x37, 1);
    vmm.write(0x50, 1, 0xc0);
    vmm.write(0xe0, 2, 0x0b);
    for (const [at, ring] of [
      [0x28, 0],
      [0xe4, CP_RINGS],
      [0x20, CP_TX],
    ] as const) {
      vmm.write(at, 4, ring);
      vmm.write(at + 4, 4, 0);
    }
    for (let i = 0; i < 64; i++) this.give(i);
    for (let i = 0; i < 64; i++) this.describe(CP_TX, i, 0, 0);
    vmm.write(0x37, 1, 0x0c);
    vmm.write(0x3c, 2, 0x80ff);
    vmm.write(0xec, 1, 0x06);
    vmm.write(0x44, 4, 0xe78e);
    vmm.write(0x40, 4, 0x03000600);
    vmm.write(0x52, 1, vmm.read(0x52, 1) | 0x20);
    vmm.write(0x5c, 2, 0);
    vmm.write(0x50, 1, 0x00);
  }

  send(frame: Uint8Array): void {
    const i = this.tx++ % 64;
    this.vmm.memory.bytes().set(frame, CP_BUFFERS + 0x20000 + 2048 * i);
    this.describe(CP_TX, i, 0xb0000000 | frame.length, CP_BUFFERS + 0x20000 + 2048 * i);
    this.vmm.write(0xd9, 1, 0x40);
  }

  interrupt(): Uint8Array[] {
    const { vmm } = this;
    const status = vmm.read(0x3e, 2);
    vmm.write(0x3e, 2, status & ~0x51);
    if (!(status & 0x51)) return [];
    vmm.write(0x3c, 2, 0x80ff & ~0x51);
    vmm.read(0x3c, 2);
    vmm.write(0x3e, 2, 0x51);
    const frames: Uint8Array[] = [];
    for (let i = this.rx % 64; ; i = ++this.rx % 64) {
      const opts1 = vmm.memory.view().getUint32(CP_RINGS + 16 * i, true);
      if (opts1 & 0x80000000) break;
      const address = CP_BUFFERS + 2048 * i;
      frames.push(vmm.memory.bytes().slice(address, address + (opts1 & 0x1fff) - 4));
      this.give(i);
    }
    vmm.write(0x3c, 2, 0x80ff);
    vmm.read(0x3c, 2);
    return frames;
  }

  private give(i: number): void {
    this.describe(CP_RINGS, i, 0x80000600, CP_BUFFERS + 2048 * i);
  }

  private describe(ring: number, i: number, opts1: number, address: number): void {
    const view = this.vmm.memory.view();
    view.setUint32(ring + 16 * i, (opts1 | (i === 63 ? 0x40000000 : 0)) >>> 0, true);
    view.setUint32(ring + 16 * i + 4, 0, true);
    view.setBigUint64(ring + 16 * i + 8, BigInt(address), true);
  }

  movedTo(vmm: TestVmm): Driver8139cp {
    return Object.assign(new Driver8139cp(vmm), { ...this, vmm });
  }
}

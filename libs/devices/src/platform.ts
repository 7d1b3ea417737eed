/**
 * What a device needs from the machine it is plugged into. Nothing here knows which engine runs the guest:
 * a machine implements these interfaces, a device only uses them.
 */

/**
 * A device was used in a way that it cannot honour: a malformed ring, an address outside of guest memory, an
 * access that hits no register. The machine stops the VM with the reason (Palacios's "fail stop"): a guest
 * that is wrong about its hardware must not run on with silent errors.
 */
export class DeviceFault extends Error {
  constructor(
    /** Which device, e.g. `virtio-net0`. */
    readonly device: string,
    /** What was wrong, where. */
    readonly reason: string,
  ) {
    super(`${device}: ${reason}`);
    this.name = 'DeviceFault';
  }
}

/** Guest physical memory as seen by a device that masters the bus. All addresses are physical, in bytes. */
export interface GuestMemory {
  /** Bytes of RAM; valid addresses are 0 … size − 1. */
  readonly size: number;
  /** The whole of RAM. Valid only until the guest runs again: never keep it. */
  view(): DataView;
  /** The whole of RAM. Valid only until the guest runs again: never keep it. */
  bytes(): Uint8Array;
  /** Throws {@link DeviceFault} naming `device` unless `length` bytes from `address` are RAM. */
  check(device: string, address: number, length: number): void;
  /** Tells the machine that RAM from `from` up to (not including) `to` was written: translated code is stale. */
  markDirty(from: number, to: number): void;
}

/** A level-triggered interrupt line. */
export interface InterruptLine {
  raise(): void;
  lower(): void;
}

/** Numbers that a device counts; names are stable, values only grow (gauges say so in their name). */
export type Metrics = Record<string, number>;

/**
 * A device's saved registers and queues: plain data that `structuredClone` can copy, with a version.
 * A device refuses a state that it does not understand.
 */
export interface DeviceState {
  version: number;
}

/** A window of a PCI function, in I/O ports or in memory, that a base address register places. */
export interface PciBar {
  kind: 'io' | 'memory';
  /** Ports or bytes, a power of two. */
  size: number;
}

/** A function on the PCI bus. All of its BARs, numbered from 0, show the same registers. */
export interface PciFunction {
  readonly name: string;
  /** Configuration header, 256 bytes, as it is after power-on; the BARs are filled in by the machine. */
  readonly config: Uint8Array;
  readonly bars: readonly PciBar[];
  /** Reads `size` (1, 2, 4) bytes at `offset` in a BAR. Unsigned. Throws {@link DeviceFault} where nothing is. */
  read(offset: number, size: number): number;
  /** Writes `size` (1, 2, 4) bytes at `offset` in a BAR. Throws {@link DeviceFault} where nothing is. */
  write(offset: number, size: number, value: number): void;
  /** The guest let the function master the bus or forbade it: bit 2 of the PCI command register. */
  setBusMaster?(enabled: boolean): void;
  /** Guest time has gone on: called about every millisecond while the guest runs, by machines that know the time. */
  poll?(): void;
  /** As after power-on. */
  reset(): void;
  save(): DeviceState;
  /** Throws {@link DeviceFault} if the state is not one of this device. */
  restore(state: unknown): void;
  metrics(): Metrics;
}

/** Guest memory that lies in one buffer. The buffer may be replaced (WebAssembly memory does so when it grows). */
export class LinearMemory implements GuestMemory {
  private buffer: ArrayBufferLike | undefined;
  private dataView!: DataView;
  private byteView!: Uint8Array;

  /**
   * @param source the buffer that holds guest memory now
   * @param offset where guest address 0 lies in it
   */
  constructor(
    private readonly source: () => ArrayBufferLike,
    private readonly offset: number,
    readonly size: number,
    private readonly dirty: (from: number, to: number) => void = () => {},
  ) {}

  view(): DataView {
    this.refresh();
    return this.dataView;
  }

  bytes(): Uint8Array {
    this.refresh();
    return this.byteView;
  }

  check(device: string, address: number, length: number): void {
    if (!(address >= 0 && length >= 0 && address + length <= this.size)) {
      throw new DeviceFault(
        device,
        `${length} bytes at 0x${address.toString(16)} are outside of the guest's ${this.size} bytes of memory`,
      );
    }
  }

  markDirty(from: number, to: number): void {
    this.dirty(from, to);
  }

  private refresh(): void {
    const buffer = this.source();
    if (buffer === this.buffer) return;
    this.buffer = buffer;
    this.dataView = new DataView(buffer, this.offset, this.size);
    this.byteView = new Uint8Array(buffer, this.offset, this.size);
  }
}

import { DeviceFault, type GuestMemory } from '../platform';

/** A transfer between a card and guest memory that the card is about to make. */
export interface DmaAccess {
  device: string;
  /** The register, or ring, that the address comes from: `TSAD0`, `RBSTART`, `TNPDS`. */
  register: string;
  /** As seen by memory: a transmit reads, a receive writes. */
  direction: 'read' | 'write';
  /** Physical, in bytes; may lie above 4 GiB, where no guest has memory. */
  address: number;
  /** Bytes. */
  length: number;
}

export interface BusMasterOptions {
  /** Asked before every transfer that lies in RAM; false denies it. */
  guard?(access: DmaAccess): boolean;
  /**
   * Told of a transfer outside of RAM, or denied by the guard. Nothing was moved. When it returns, the card sees
   * an aborted PCI transaction and goes on; when it throws, the access of the guest that led here ends with that.
   * Without it, a {@link DeviceFault} stops the VM.
   */
  onDmaViolation?(access: DmaAccess): void;
}

/**
 * The one way by which a card reaches guest memory: every transfer is checked as a whole before a byte moves. Who
 * shares a card among guests (VPIO's device modeling monitor) puts its guard here.
 */
export class BusMaster {
  /** Bit 2 of the PCI command register: off, all transfers abort without a report. */
  enabled = true;
  readonly counters = { dmaReads: 0, dmaWrites: 0, dmaDenied: 0, dmaDisabled: 0 };

  constructor(
    private readonly device: string,
    private readonly memory: GuestMemory,
    private readonly options: BusMasterOptions = {},
  ) {}

  /** Fills `into` from guest memory. False: nothing was read. */
  read(register: string, address: number, into: Uint8Array): boolean {
    if (!this.allowed(register, 'read', address, into.length)) return false;
    this.counters.dmaReads++;
    into.set(this.memory.bytes().subarray(address, address + into.length));
    return true;
  }

  /** Copies `from` into guest memory. False: nothing was written. */
  write(register: string, address: number, from: Uint8Array): boolean {
    if (!this.mayWrite(register, address, from.length)) return false;
    this.counters.dmaWrites++;
    this.memory.bytes().set(from, address);
    this.memory.markDirty(address, address + from.length);
    return true;
  }

  /** Whether {@link write} would go through; for a card that must know before it changes anything. */
  mayWrite(register: string, address: number, length: number): boolean {
    return this.allowed(register, 'write', address, length);
  }

  /** A look at guest memory that is no transfer and is never reported; undefined where one would be denied. */
  peek(register: string, address: number, length: number): Uint8Array | undefined {
    const { guard } = this.options;
    const access: DmaAccess = { device: this.device, register, direction: 'read', address, length };
    if (!this.enabled || address + length > this.memory.size || guard?.(access) === false) return undefined;
    return this.memory.bytes().slice(address, address + length);
  }

  private allowed(
    register: string,
    direction: DmaAccess['direction'],
    address: number,
    length: number,
  ): boolean {
    if (!this.enabled) {
      this.counters.dmaDisabled++;
      return false;
    }
    const { guard, onDmaViolation } = this.options;
    const inRam = address + length <= this.memory.size;
    if (inRam && !guard) return true;
    const access: DmaAccess = { device: this.device, register, direction, address, length };
    if (inRam && guard!(access)) return true;
    this.counters.dmaDenied++;
    if (!onDmaViolation) throw dmaFault(access, inRam ? 'denied' : 'outside of guest memory');
    onDmaViolation(access);
    return false;
  }
}

function dmaFault({ device, register, direction, address, length }: DmaAccess, why: string): DeviceFault {
  const at = `0x${address.toString(16)}`;
  return new DeviceFault(device, `DMA ${direction} of ${length} bytes at ${at} from ${register}: ${why}`);
}

const PROM_LENGTH = 0x20;
const RAM_BASE = 0x4000;
/** NE2000s mark a 16-bit slot with this letter twice, behind the address. */
const MARK = 0x57;
const NOTHING = 0xff;

/**
 * What the controller's local and remote DMA see at 0 … 65535: the address PROM in the first 32 bytes and packet RAM
 * from 0x4000. The PROM is eight bits wide and answers both halves of a word, so each of its bytes is there twice.
 * Elsewhere, reads are all ones and writes are lost.
 */
export class PacketMemory {
  readonly ram: Uint8Array<ArrayBuffer>;
  private readonly prom = new Uint8Array(PROM_LENGTH);

  constructor(kiB: 16 | 32) {
    this.ram = new Uint8Array(kiB << 10);
  }

  /** Six bytes. */
  get address(): Uint8Array<ArrayBuffer> {
    return Uint8Array.from({ length: 6 }, (_, i) => this.prom[2 * i]!);
  }

  set address(mac: Uint8Array) {
    for (let i = 0; i < PROM_LENGTH; i++) {
      const at = i >> 1;
      this.prom[i] = at < 6 ? mac[at]! : at >= 14 ? MARK : 0;
    }
  }

  read(address: number): number {
    if (address < PROM_LENGTH) return this.prom[address]!;
    return this.ram[address - RAM_BASE] ?? NOTHING;
  }

  write(address: number, value: number): void {
    const at = address - RAM_BASE;
    if (at >= 0 && at < this.ram.length) this.ram[at] = value;
  }

  /** A copy of `length` bytes from `address`; addresses wrap at 64 KiB. */
  slice(address: number, length: number): Uint8Array<ArrayBuffer> {
    const at = address - RAM_BASE;
    if (at >= 0 && at + length <= this.ram.length) return this.ram.slice(at, at + length);
    return Uint8Array.from({ length }, (_, i) => this.read((address + i) & 0xffff));
  }
}

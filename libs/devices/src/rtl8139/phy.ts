/**
 * The transceiver inside the chip, as far as its registers show it (IEEE 802.3, clause 22): 100 Mbit/s full duplex,
 * agreed with whatever is at the other end of the cable.
 */

const Bmcr = { reset: 0x8000, fast: 0x2000, negotiate: 0x1000, restart: 0x0200, fullDuplex: 0x0100 } as const;
const BMCR_DEFAULT = Bmcr.fast | Bmcr.negotiate | Bmcr.fullDuplex;
const BMCR_WRITABLE = Bmcr.fast | Bmcr.negotiate | Bmcr.fullDuplex;
/** All four modes of 10 and 100 Mbit/s, preamble suppression, negotiation, extended registers. */
const BMSR_ABLE = 0x7849;
const BMSR_LINK = 0x0004;
const BMSR_NEGOTIATED = 0x0020;
/** All four modes and pause frames, IEEE 802.3. */
const ANAR_DEFAULT = 0x05e1;
const ANAR_WRITABLE = 0x25e0;
const PARTNER = 0x45e1;
const PARTNER_NEGOTIATES = 0x0001;

/** What of the transceiver is part of a saved state. */
export interface PhyRegisters {
  bmcr: number;
  anar: number;
  /** 0 or 1: a cable with something at its end. */
  link: number;
}

export const PHY_WIDTHS = { bmcr: 16, anar: 16, link: 1 } as const;

export class Phy {
  regs: PhyRegisters = { bmcr: BMCR_DEFAULT, anar: ANAR_DEFAULT, link: 1 };

  /** Registers go back to their defaults; the cable stays. */
  reset(): void {
    this.regs = { bmcr: BMCR_DEFAULT, anar: ANAR_DEFAULT, link: this.regs.link };
  }

  get up(): boolean {
    return this.regs.link === 1;
  }

  get bmcr(): number {
    return this.regs.bmcr;
  }

  set bmcr(value: number) {
    if (value & Bmcr.reset) this.reset();
    else this.regs.bmcr = value & BMCR_WRITABLE; // a restarted negotiation is over at once
  }

  get anar(): number {
    return this.regs.anar;
  }

  set anar(value: number) {
    this.regs.anar = (value & ANAR_WRITABLE) | (ANAR_DEFAULT & 0x1f);
  }

  get bmsr(): number {
    if (!this.up) return BMSR_ABLE;
    return BMSR_ABLE | BMSR_LINK | (this.negotiates ? BMSR_NEGOTIATED : 0);
  }

  get anlpar(): number {
    return this.up && this.negotiates ? PARTNER : 0;
  }

  get aner(): number {
    return this.up && this.negotiates ? PARTNER_NEGOTIATES : 0;
  }

  /** 10 Mbit/s: forced through BMCR. */
  get slow(): boolean {
    return !this.negotiates && !(this.regs.bmcr & Bmcr.fast);
  }

  private get negotiates(): boolean {
    return (this.regs.bmcr & Bmcr.negotiate) !== 0;
  }
}

import type { Core } from './core';
import { continueTransmit } from './plus-ring';
import * as reg from './registers';
import {
  Config1,
  Cr,
  Cpcr,
  DUMP_TALLIES,
  Eecr,
  ISR_BITS,
  Isr,
  MODELS,
  Msr,
  Poll,
  Rcr,
  Reg,
  Tcr,
  Tsd,
} from './registers';
import { commandBits, restartReceiver, transmitDescriptors } from './ring';
import { tallyBlock } from './state';

/**
 * The registers as the PCI bus reaches them: double words with byte enables. What a driver calls a 16-bit register is
 * half of one; an access of any width at any address becomes one or two of these, so that there is no access that
 * straddles. Reads have no side effects.
 */

const bytes = (a: number, b: number, c: number, d: number): number =>
  (a | (b << 8) | (c << 16) | (d << 24)) >>> 0;
const halves = (low: number, high: number): number => (low | (high << 16)) >>> 0;

/** @param at offset of the double word */
export function readDword(core: Core, at: number): number {
  const { regs, memory, phy, timer } = core;
  const { idr, mar, tsd, tsad } = memory;
  switch (at) {
    case Reg.idr0:
      return bytes(idr[0]!, idr[1]!, idr[2]!, idr[3]!);
    case Reg.idr4:
      return bytes(idr[4]!, idr[5]!, 0, 0);
    case Reg.mar0:
      return bytes(mar[0]!, mar[1]!, mar[2]!, mar[3]!);
    case Reg.mar4:
      return bytes(mar[4]!, mar[5]!, mar[6]!, mar[7]!);
    case Reg.rbstart:
      return regs.rbstart;
    case Reg.cr:
      return bytes(0, 0, 0, commandBits(core));
    case Reg.capr:
      return halves(regs.capr, regs.cbr);
    case Reg.imr:
      return halves(regs.imr, regs.isr);
    case Reg.tcr:
      return (regs.tcr | MODELS[core.model].version) >>> 0;
    case Reg.rcr:
      return regs.rcr;
    case Reg.tctr:
      return timer.count;
    case Reg.mpc:
      return regs.mpc;
    case Reg.config: {
      const pins = (regs.eecr & Eecr.modeMask) === Eecr.program ? core.eeprom.output : 0;
      return bytes(regs.eecr | pins, 0, regs.config1, 0);
    }
    case Reg.timerInt:
      return timer.interruptAt;
    case Reg.msr:
      return bytes(mediaStatus(core), regs.config3, regs.config4, 0);
    case Reg.mulint:
      return halves(regs.mulint, reg.RERID);
    case Reg.tsadSummary:
      return halves(transmitSummary(tsd), phy.bmcr);
    case Reg.bmsr:
      return halves(phy.bmsr, phy.anar);
    case Reg.anlpar:
      return halves(phy.anlpar, phy.aner);
  }
  if (at >= Reg.tsad0 && at < Reg.rbstart) return tsad[(at - Reg.tsad0) >> 2]!;
  if (at >= Reg.tsd0 && at < Reg.tsad0) return readTransmitStatus(core, (at - Reg.tsd0) >> 2);
  if (at >= Reg.firstScratch && at <= Reg.lastScratch) {
    return new DataView(memory.scratch.buffer).getUint32(at - Reg.firstScratch, true);
  }
  return readPlus(core, at);
}

function readTransmitStatus(core: Core, n: number): number {
  if (n < 2 && plusMode(core)) return n === 0 ? core.regs.dtccr : core.regs.dtccrHigh;
  return core.memory.tsd[n]!;
}

function readPlus(core: Core, at: number): number {
  const { regs } = core;
  if (at === Reg.config5) return bytes(regs.config5, 0, regs.rms & 0xff, regs.rms >> 8);
  if (core.model !== 'C+') return 0;
  switch (at) {
    case Reg.cpcr:
      return halves(regs.cpcr, regs.mitigation);
    case Reg.rdsar:
      return regs.rdsar;
    case Reg.rdsarHigh:
      return regs.rdsarHigh;
    case Reg.etthr:
      return regs.etthr;
    default:
      return 0;
  }
}

/** In C+ mode, the first two transmit status registers are the tally dump command. */
const plusMode = (core: Core): boolean => (core.regs.cpcr & (Cpcr.transmit | Cpcr.receive)) !== 0;

const mediaStatus = ({ regs, phy }: Core): number =>
  regs.msr | (phy.slow ? Msr.slow : 0) | (phy.up ? 0 : Msr.noLink);

/** TSAD: of each descriptor, from the upper bits down, transmitted, underrun, aborted, ours. */
function transmitSummary(tsd: Uint32Array): number {
  let summary = 0;
  tsd.forEach((status, n) => {
    if (status & Tsd.transmitted) summary |= 0x1000 << n;
    if (status & Tsd.aborted) summary |= 0x0010 << n;
    if (status & Tsd.own) summary |= 0x0001 << n;
  });
  return summary;
}

/**
 * @param at offset of the double word
 * @param mask ones where the access carries bits; the others of `value` mean nothing
 */
export function writeDword(core: Core, at: number, value: number, mask: number): void {
  const { regs, memory, timer } = core;
  const unlocked = (regs.eecr & Eecr.modeMask) === Eecr.configWrite;
  const merge = (old: number, shift = 0): number =>
    ((old & ~(mask >>> shift)) | ((value & mask) >>> shift)) >>> 0;
  const has = (shift: number): boolean => ((mask >>> shift) & 0xff) !== 0;
  switch (at) {
    case Reg.idr0:
    case Reg.idr4:
      if (unlocked) putBytes(memory.idr, at, value, mask);
      return;
    case Reg.mar0:
    case Reg.mar4:
      return putBytes(memory.mar, at - Reg.mar0, value, mask);
    case Reg.rbstart:
      regs.rbstart = (merge(regs.rbstart) & ~3) >>> 0; // the buffer is made of double words
      return;
    case Reg.cr:
      if (has(24)) writeCommand(core, value >>> 24);
      return;
    case Reg.capr:
      regs.capr = merge(regs.capr) & 0xffff;
      return;
    case Reg.imr:
      regs.imr = merge(regs.imr) & ISR_BITS;
      regs.isr &= ~((value & mask) >>> 16);
      return core.updateLine();
    case Reg.tcr:
      if (core.transmits) regs.tcr = merge(regs.tcr) & Tcr.writable; // "only after having set TE"
      return;
    case Reg.rcr:
      regs.rcr = merge(regs.rcr) & Rcr.writable;
      return;
    case Reg.tctr:
      return timer.restart();
    case Reg.mpc:
      regs.mpc = 0;
      return;
    case Reg.config:
      if (has(0)) writeEeprom(core, value & 0xff);
      if (has(16) && unlocked) {
        regs.config1 = ((value >>> 16) & Config1.writable) | (regs.config1 & ~Config1.writable);
      }
      return;
    case Reg.timerInt:
      timer.interruptAt = merge(timer.interruptAt);
      return;
    case Reg.msr:
      return writeMedia(core, value, has, unlocked);
    case Reg.mulint:
      regs.mulint = merge(regs.mulint) & 0xffff;
      return;
    case Reg.tsadSummary:
      if (mask >>> 16 && unlocked) core.phy.bmcr = merge(core.phy.bmcr, 16) & 0xffff;
      return;
    case Reg.bmsr:
      if (mask >>> 16) core.phy.anar = merge(core.phy.anar, 16) & 0xffff;
      return;
  }
  if (at >= Reg.tsad0 && at < Reg.rbstart) return writeTransmitAddress(core, (at - Reg.tsad0) >> 2, merge);
  if (at >= Reg.tsd0 && at < Reg.tsad0) return writeTransmitStatus(core, (at - Reg.tsd0) >> 2, merge, has(8));
  if (at >= Reg.firstScratch && at <= Reg.lastScratch) {
    return putBytes(memory.scratch, at - Reg.firstScratch, value, mask);
  }
  return writePlus(core, at, value, mask);
}

type Merge = (old: number, shift?: number) => number;

function putBytes(into: Uint8Array, at: number, value: number, mask: number): void {
  for (let i = 0; i < 4 && at + i < into.length; i++) {
    if ((mask >>> (8 * i)) & 0xff) into[at + i] = value >>> (8 * i);
  }
}

function writeCommand(core: Core, value: number): void {
  if (value & Cr.reset) return core.softReset(); // the bit clears itself when the reset is over: at once
  const { regs, memory } = core;
  const started = value & ~regs.cr;
  regs.cr = value & (Cr.receive | Cr.transmit);
  if (started & Cr.receive) restartReceiver(core);
  if (started & Cr.transmit) {
    regs.txCurrent = regs.txNormal = regs.txHigh = regs.polled = 0;
    memory.tsd.fill(Tsd.own);
  }
}

function writeEeprom(core: Core, value: number): void {
  const { regs, eeprom, memory } = core;
  const mode = value & Eecr.modeMask;
  if (mode === Eecr.autoLoad) {
    memory.idr.set(eeprom.address);
    regs.eecr = 0; // and back to normal operation
    return eeprom.release();
  }
  regs.eecr = value & 0xce;
  if (mode === Eecr.program) eeprom.write(value);
  else eeprom.release();
}

function writeMedia(core: Core, value: number, has: (shift: number) => boolean, unlocked: boolean): void {
  const { regs } = core;
  if (has(0)) regs.msr = value & Msr.writable;
  if (!unlocked) return;
  if (has(8)) {
    regs.config3 = ((value >>> 8) & reg.CONFIG3_WRITABLE) | (regs.config3 & ~reg.CONFIG3_WRITABLE);
  }
  if (has(16)) regs.config4 = (value >>> 16) & 0xff;
}

/** Descriptors' buffers are double words; rings of C+ mode stand at multiples of 256 bytes. */
function writeTransmitAddress(core: Core, n: number, merge: Merge): void {
  const { tsad } = core.memory;
  const isHigh = core.plusTransmits && (n & 1) === 1;
  const unused = core.plusTransmits ? 0xff : 3;
  tsad[n] = merge(tsad[n]!) & ~(isHigh ? 0 : unused);
  if (!core.plusTransmits) return;
  if (n < 2) core.regs.txNormal = 0;
  else core.regs.txHigh = 0;
}

/** @param carriesOwn whether the access has the byte with the OWN bit: only that hands a descriptor over */
function writeTransmitStatus(core: Core, n: number, merge: Merge, carriesOwn: boolean): void {
  const { regs, memory } = core;
  if (n < 2 && plusMode(core))
    return n === 0 ? writeDump(core, merge) : void (regs.dtccrHigh = merge(regs.dtccrHigh));
  const status = merge(memory.tsd[n]!);
  const kept = Tsd.sizeMask | Tsd.thresholdMask;
  const own = carriesOwn ? status & Tsd.own : memory.tsd[n]! & Tsd.own;
  memory.tsd[n] = (status & kept) | own;
  transmitDescriptors(core);
}

function writeDump(core: Core, merge: Merge): void {
  const { regs, memory } = core;
  const value = merge(regs.dtccr);
  regs.dtccr = (value & ~0x3f) >>> 0;
  if (!(value & DUMP_TALLIES)) return;
  const address = regs.dtccr + regs.dtccrHigh * 2 ** 32;
  if (!core.dma.write('DTCCR', address, tallyBlock(memory.tallies))) core.signal(Isr.systemError);
}

function writePlus(core: Core, at: number, value: number, mask: number): void {
  const { regs } = core;
  const merge: Merge = (old, shift = 0) => ((old & ~(mask >>> shift)) | ((value & mask) >>> shift)) >>> 0;
  if (at === Reg.config5 && mask & 0xff) regs.config5 = value & reg.CONFIG5_WRITABLE;
  if (core.model !== 'C+') return;
  switch (at) {
    case Reg.config5:
      regs.rms = merge(regs.rms, 16) & 0x3fff;
      if (mask & 0xff00) pollTransmit(core, (value >>> 8) & 0xff);
      return;
    case Reg.cpcr:
      regs.cpcr = merge(regs.cpcr) & Cpcr.writable;
      regs.mitigation = merge(regs.mitigation, 16) & 0xffff;
      return;
    case Reg.rdsar:
      regs.rdsar = (merge(regs.rdsar) & ~0xff) >>> 0;
      regs.rxCurrent = 0;
      return;
    case Reg.rdsarHigh:
      regs.rdsarHigh = merge(regs.rdsarHigh);
      return;
    case Reg.etthr:
      regs.etthr = merge(regs.etthr) & 0x3f;
  }
}

function pollTransmit(core: Core, value: number): void {
  if (value & Poll.software) core.signal(Isr.software);
  core.regs.polled |= value & (Poll.high | Poll.normal);
  continueTransmit(core);
}

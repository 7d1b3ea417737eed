import { SavedState, type Widths } from '../ethernet/saved-state';
import type { DeviceState } from '../platform';
import type { EepromState } from './eeprom';
import { PHY_WIDTHS, type PhyRegisters } from './phy';
import { Config1, MODELS, RING_MAX, Tsd, type Rtl8139Model } from './registers';
import { TIMER_WIDTHS, type TimerRegisters } from './timer';

export const RTL8139_STATE_VERSION = 1;
export const SCRATCH_LENGTH = 0x5c;

export interface Rtl8139Registers {
  cr: number;
  rbstart: number;
  capr: number;
  cbr: number;
  imr: number;
  isr: number;
  tcr: number;
  rcr: number;
  mpc: number;
  eecr: number;
  config1: number;
  config3: number;
  config4: number;
  config5: number;
  msr: number;
  mulint: number;
  /** C+ */
  dtccr: number;
  dtccrHigh: number;
  cpcr: number;
  mitigation: number;
  rdsar: number;
  rdsarHigh: number;
  etthr: number;
  rms: number;
  /** Queues that were asked to be polled and are not done yet: the bits of TPPoll. */
  polled: number;
  /** The transmit descriptor that is next: of C mode, of the normal and of the high priority ring; of receive. */
  txCurrent: number;
  txNormal: number;
  txHigh: number;
  rxCurrent: number;
}

const REGISTER_WIDTHS: Widths<Rtl8139Registers> = {
  cr: 8,
  rbstart: 32,
  capr: 16,
  cbr: 16,
  imr: 16,
  isr: 16,
  tcr: 32,
  rcr: 32,
  mpc: 24,
  eecr: 8,
  config1: 8,
  config3: 8,
  config4: 8,
  config5: 8,
  msr: 8,
  mulint: 16,
  dtccr: 32,
  dtccrHigh: 32,
  cpcr: 16,
  mitigation: 16,
  rdsar: 32,
  rdsarHigh: 32,
  etthr: 8,
  rms: 16,
  polled: 8,
  txCurrent: 2,
  txNormal: 6,
  txHigh: 6,
  rxCurrent: 6,
};

/** The C+'s statistics, as DTCCR dumps them; see {@link tallyBlock}. Bytes wrap later than anybody counts. */
export interface Tallies {
  txOk: number;
  rxOk: number;
  txError: number;
  rxError: number;
  missed: number;
  rxUnicast: number;
  rxBroadcast: number;
  rxMulticast: number;
  txAborted: number;
}

const TALLY_WIDTHS: Widths<Tallies> = {
  txOk: 52,
  rxOk: 52,
  txError: 52,
  rxError: 52,
  missed: 52,
  rxUnicast: 52,
  rxBroadcast: 52,
  rxMulticast: 52,
  txAborted: 52,
};

/** The 64 bytes of a dump (C+ datasheet, "Dump Tally Counter Command"). */
export function tallyBlock(tallies: Tallies): Uint8Array {
  const block = new Uint8Array(64);
  const view = new DataView(block.buffer);
  const put64 = (at: number, value: number) => view.setBigUint64(at, BigInt(value), true);
  put64(0, tallies.txOk);
  put64(8, tallies.rxOk);
  put64(16, tallies.txError);
  view.setUint32(24, tallies.rxError, true);
  view.setUint16(28, tallies.missed, true);
  put64(40, tallies.rxUnicast);
  put64(48, tallies.rxBroadcast);
  view.setUint32(56, tallies.rxMulticast, true);
  view.setUint16(60, tallies.txAborted, true);
  return block;
}

/** All that a card is, without the objects that act on it. */
export interface Rtl8139Memory {
  registers: Rtl8139Registers;
  tallies: Tallies;
  /** Physical address and multicast filter. */
  idr: Uint8Array;
  mar: Uint8Array;
  /** TSD and TSAD; the latter are TNPDS and THPDS in C+ mode. */
  tsd: Uint32Array;
  tsad: Uint32Array;
  /** Registers that are kept without an effect, 0x78 … 0xD3. */
  scratch: Uint8Array;
}

export interface Rtl8139State extends DeviceState, Rtl8139Memory {
  model: `rtl8139${Rtl8139Model}`;
  phy: PhyRegisters;
  timer: TimerRegisters;
  eeprom: EepromState;
}

const zeros = <T>(widths: Widths<T>): T =>
  Object.fromEntries(Object.keys(widths).map(name => [name, 0])) as unknown as T;

/** What a software reset leaves: the address, the multicast filter and the configuration outlast it. */
export function resetRegisters(kept?: Rtl8139Registers): Rtl8139Registers {
  const fresh: Rtl8139Registers = {
    ...zeros<Rtl8139Registers>(REGISTER_WIDTHS),
    capr: 0xfff0,
    tcr: 0x03000000,
    config1: Config1.ioMapped | Config1.memoryMapped,
    config3: 0x01,
  };
  if (!kept) return fresh;
  const { eecr, config1, config3, config4, config5, msr } = kept;
  return { ...fresh, eecr, config1, config3, config4, config5, msr };
}

export const powerOnMemory = (): Rtl8139Memory => ({
  registers: resetRegisters(),
  tallies: zeros<Tallies>(TALLY_WIDTHS),
  idr: new Uint8Array(6),
  mar: new Uint8Array(8),
  tsd: new Uint32Array(4).fill(Tsd.own),
  tsad: new Uint32Array(4),
  scratch: new Uint8Array(SCRATCH_LENGTH),
});

/** A checked copy of a saved state, but for its EEPROM, which checks itself. */
export function checkRtl8139State(
  check: SavedState,
  saved: unknown,
  model: Rtl8139Model,
): Omit<Rtl8139State, 'eeprom'> & { eeprom: unknown } {
  const state = check.object(saved, 'it');
  const expected = `rtl8139${model}` as const;
  if (state.version !== RTL8139_STATE_VERSION || state.model !== expected) {
    throw check.refuse(
      `it is version ${String(state.version)} of ${String(state.model)}, ` +
        `this card is version ${RTL8139_STATE_VERSION} of ${expected}; models are ${Object.keys(MODELS).join(', ')}`,
    );
  }
  const registers = check.numbers<Rtl8139Registers>(state.registers, REGISTER_WIDTHS);
  for (const name of ['txNormal', 'txHigh', 'rxCurrent'] as const) {
    if (registers[name] >= RING_MAX) throw check.refuse(`${name} is beyond the end of the longest ring`);
  }
  return {
    version: RTL8139_STATE_VERSION,
    model: expected,
    registers,
    tallies: check.numbers<Tallies>(state.tallies, TALLY_WIDTHS),
    idr: check.bytes(state.idr, 6, 'the physical address'),
    mar: check.bytes(state.mar, 8, 'the multicast filter'),
    tsd: check.words(state.tsd, 4, 'the transmit status'),
    tsad: check.words(state.tsad, 4, 'the transmit addresses'),
    scratch: check.bytes(state.scratch, SCRATCH_LENGTH, 'the parameter area'),
    phy: check.numbers<PhyRegisters>(state.phy, PHY_WIDTHS),
    timer: check.numbers<TimerRegisters>(state.timer, TIMER_WIDTHS),
    eeprom: state.eeprom,
  };
}

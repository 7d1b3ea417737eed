import { crc32 } from 'node:zlib';
import { MAX_LINE_FRAME, ne2000Registers } from '@v3vee/devices';
import type { DeviceRegisters } from '../model';
import { MEMORY_BASE, writeMemory } from './packet-memory';
import { get, put, putWord } from './registers';

const { Cr, Tcr } = ne2000Registers;

const FIFO_LENGTH = 8;
/** Of a frame that went through, header and check sequence included. */
const SHORTEST = 18;
const LONGEST = MAX_LINE_FRAME + 4;

/**
 * The FIFO keeps the last five bytes that a loopback sent, with the length behind them, its upper byte twice (DP8390D
 * datasheet, "Loopback Diagnostics"). It is read byte after byte, round and round, in loopback only.
 */
export const readFifo = (registers: DeviceRegisters): number[] =>
  Array.from({ length: FIFO_LENGTH }, () => get(registers, 'FIFO'));

/**
 * Has the card loop back a frame that leaves these bytes in the FIFO, read as {@link readFifo} read them; where there
 * is none (after power-on, the FIFO holds zeros), one that tells nothing. Overwrites the start of packet memory, TPSR,
 * TBCR, TSR, RSR and ISR. No frame leaves: the card stays in internal loopback.
 */
export function loadFifo(registers: DeviceRegisters, bytes: readonly number[]): void {
  const { frame, turn } = frameFor(bytes) ?? NEUTRAL;
  const padded = new Uint8Array((frame.length + 3) & ~3);
  padded.set(frame);
  writeMemory(registers, MEMORY_BASE, padded);
  put(registers, 'TCR', Tcr.loopbackInternal | Tcr.noCrc);
  put(registers, 'TPSR', MEMORY_BASE >> 8);
  putWord(registers, 'TBCR', frame.length);
  registers.write(0, 1, Cr.start | Cr.remoteDone | Cr.transmit);
  for (let i = 0; i < turn; i++) get(registers, 'FIFO');
}

interface Looped {
  /** With its check sequence. */
  frame: Uint8Array;
  /** How many bytes of the FIFO were read since. */
  turn: number;
}

/** A frame that explains the content of a FIFO. */
function frameFor(bytes: readonly number[]): Looped | undefined {
  for (let turn = 0; turn < FIFO_LENGTH; turn++) {
    const fifo = bytes.map((_, i) => bytes[(i - turn) & 7]!);
    const length = fifo[5]! | (fifo[6]! << 8);
    if (fifo[6] !== fifo[7] || length < SHORTEST || length > LONGEST) continue;
    const frame = new Uint8Array(length);
    frame.set(fifo.slice(0, 5), length - 5);
    return { frame, turn };
  }
  return undefined;
}

/** Zeros with the right check sequence. */
const NEUTRAL: Looped = { frame: new Uint8Array(64), turn: 0 };
new DataView(NEUTRAL.frame.buffer).setUint32(60, crc32(NEUTRAL.frame.subarray(0, 60)), true);

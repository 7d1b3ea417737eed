import { WireError } from '../wire-error';

/** Traffic indication map (IEEE 802.11-2020 §9.4.2.5). */
export interface Tim {
  /** Beacons until the next DTIM; 0: this is one. */
  dtimCount: number;
  dtimPeriod: number;
  /** Group frames follow this DTIM. */
  group: boolean;
  /** Association ids with buffered frames, ascending. */
  aids: number[];
}

/** Octets of the whole virtual bitmap: AIDs 0 to 2007. */
const BITMAP_BYTES = 251;
export const MAX_AID = 2007;
const HEADER_BYTES = 3;

/**
 * The partial virtual bitmap from the first octet that is not 0, rounded down to even, to the last.
 * @throws WireError for an AID that is none
 */
export function encodeTim(tim: Tim): Uint8Array {
  const bitmap = new Uint8Array(BITMAP_BYTES);
  let [first, last] = [BITMAP_BYTES, 0];
  for (const aid of tim.aids) {
    if (!Number.isInteger(aid) || aid < 1 || aid > MAX_AID) {
      throw new WireError(`an AID is 1 to ${MAX_AID}, not ${aid}`, 0);
    }
    const octet = aid >> 3;
    bitmap[octet] = (bitmap[octet] as number) | (1 << (aid & 7));
    first = Math.min(first, octet);
    last = Math.max(last, octet);
  }
  const start = first === BITMAP_BYTES ? 0 : first & ~1;
  const value = new Uint8Array(HEADER_BYTES + last - start + 1);
  value[0] = tim.dtimCount;
  value[1] = tim.dtimPeriod;
  value[2] = start | (tim.group ? 1 : 0);
  value.set(bitmap.subarray(start, last + 1), HEADER_BYTES);
  return value;
}

/** @throws WireError when it is cut, its counts contradict each other or it reaches beyond AID 2007 */
export function readTim(value: Uint8Array): Tim {
  if (value.length < HEADER_BYTES + 1) {
    throw new WireError(`a TIM has at least ${HEADER_BYTES + 1} bytes, not ${value.length}`, 0);
  }
  const [dtimCount, dtimPeriod, control] = value as unknown as [number, number, number];
  if (dtimCount >= dtimPeriod) throw new WireError(`DTIM count ${dtimCount} of period ${dtimPeriod}`, 0);
  const start = control & 0xfe;
  const bitmap = value.subarray(HEADER_BYTES);
  if (start + bitmap.length > BITMAP_BYTES) throw new WireError('the TIM reaches beyond AID 2007', 2);
  const aids: number[] = [];
  bitmap.forEach((octet, i) => {
    for (let bit = 0; bit < 8; bit++) if (octet & (1 << bit)) aids.push((start + i) * 8 + bit);
  });
  // Bit 0 is nobody's AID: group frames are told by the control octet.
  return { dtimCount, dtimPeriod, group: (control & 1) !== 0, aids: aids.filter(aid => aid > 0) };
}

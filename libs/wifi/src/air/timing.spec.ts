import { acknowledgementTime, contentionWindow, difs, frameTime } from './timing';

/** 1500 bytes of IP behind LLC/SNAP (8) and a header (24), and the FCS (4). */
const FULL = 1_536;

it.each([
  // 20 + 4·⌈(16 + 8·1536 + 6) / bits per symbol⌉
  ['54 Mbit/s at 5 GHz', 540, FULL, 5180, 248],
  ['6 Mbit/s at 5 GHz', 60, FULL, 5180, 2_072],
  ['24 Mbit/s at 5 GHz', 240, FULL, 5180, 536],
  // and the signal extension of 6 µs
  ['54 Mbit/s at 2.4 GHz', 540, FULL, 2412, 254],
  // 192 + 8·1536 / Mbit/s
  ['1 Mbit/s', 10, FULL, 2412, 12_480],
  ['5.5 Mbit/s', 55, FULL, 2412, 2_427],
  ['11 Mbit/s', 110, FULL, 2412, 1_310],
])('a full frame at %s', (_, rate, bytes, freq, expected) => {
  expect(frameTime(rate, bytes, freq)).toBe(expected);
});

it.each([
  // SIFS 16 + ACK of 14 bytes at 24 Mbit/s: 20 + 4·⌈134/96⌉ = 28
  ['54 Mbit/s at 5 GHz', 540, 5180, 44],
  ['6 Mbit/s at 5 GHz', 60, 5180, 60],
  // at 12 Mbit/s: 20 + 4·⌈134/48⌉ = 32
  ['18 Mbit/s at 5 GHz', 180, 5180, 48],
  // SIFS 10, 28 and the extension
  ['54 Mbit/s at 2.4 GHz', 540, 2412, 44],
  // 10 + 192 + 112
  ['1 Mbit/s', 10, 2412, 314],
  ['11 Mbit/s', 110, 2412, 10 + 192 + 11],
])('the acknowledgement of a frame at %s', (_, rate, freq, expected) => {
  expect(acknowledgementTime(rate, freq)).toBe(expected);
});

it('waits DIFS, and draws from a window that doubles', () => {
  expect(difs(5180)).toBe(34);
  expect(difs(2412)).toBe(28);
  expect([0, 1, 2, 5, 6, 7, 20].map(contentionWindow)).toEqual([15, 31, 63, 511, 1023, 1023, 1023]);
});

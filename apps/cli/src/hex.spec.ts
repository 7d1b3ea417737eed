import { bytes, hexDump } from './hex';

it.each([
  ['256', 256],
  ['0x1000', 4096],
  ['4KiB', 4096],
  ['64MiB', 64 << 20],
  ['1GiB', 2 ** 30],
])('understands %s', (text, value) => {
  expect(bytes(text)).toBe(value);
});

it.each(['', '0', '-1', 'ff', '1.5MiB', '2GiB', '4096B'])('does not understand "%s"', text => {
  expect(() => bytes(text)).toThrow('is not a number of bytes');
});

it('dumps as hexdump -C does', () => {
  expect(hexDump(Buffer.from('Linux version 6.1\n'), 0x100000)).toBe(
    [
      '00100000  4c 69 6e 75 78 20 76 65  72 73 69 6f 6e 20 36 2e  |Linux version 6.|',
      '00100010  31 0a                                             |1.|',
    ].join('\n'),
  );
});

import { hexDump } from './hex-dump';

describe('a dump', () => {
  it('is as people know it', () => {
    expect(hexDump(Uint8Array.from([0x41, 0x00, 0x7e]))).toBe(`0000  41 00 7e${' '.repeat(39)}  A.~`);
    expect(hexDump(new Uint8Array(17)).split('\n')[1]).toMatch(/^0010 {2}00 /);
  });

  it('begins at its address', () => {
    expect(hexDump(new Uint8Array(1), 0x100000, 8)).toMatch(/^00100000 {2}00 /);
  });
});

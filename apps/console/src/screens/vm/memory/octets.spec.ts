import { octetsOf, readAddress, toHex } from './octets';

describe('octets of guest memory', () => {
  it('come as base64', () => {
    expect([...octetsOf('f0VMRv8=')]).toEqual([0x7f, 0x45, 0x4c, 0x46, 0xff]);
  });

  it.each([
    ['ELF', '454c46'],
    ['ä', 'c3a4'],
    ['0x7f 45', '7f45'],
  ])('%s is looked for as %s', (pattern, hex) => {
    expect(toHex(pattern)).toBe(hex);
  });

  it('are refused where they are none', () => {
    expect(() => toHex('0x7f4')).toThrow('pairs of hexadecimal digits');
    expect(() => readAddress('here')).toThrow('for example 0x100000');
  });

  it.each([
    ['0x100000', 0x100000],
    [' 4096 ', 4096],
  ])('%s is an address', (text, address) => {
    expect(readAddress(text)).toBe(address);
  });
});

import { BROADCAST_MAC, formatMac, isGroupMac, parseMac } from './mac-address';

describe('MAC addresses', () => {
  it('are written in lower case with colons, and read in either case', () => {
    expect([...parseMac('02:00:0A:ff:00:01')]).toEqual([2, 0, 10, 255, 0, 1]);
    expect(formatMac(parseMac('02:00:0A:ff:00:01'))).toBe('02:00:0a:ff:00:01');
    expect(formatMac(Uint8Array.of(9, 9, 2, 0, 0, 0, 0, 1), 2)).toBe('02:00:00:00:00:01');
  });

  it.each([
    '',
    '02:00:00:00:00',
    '02:00:00:00:00:1',
    '02-00-00-00-00-01',
    '02:00:00:00:00:01:02',
    '02:00:00:00:00:0g',
  ])('are refused when malformed: "%s"', text => {
    expect(() => parseMac(text)).toThrow(`"${text}" is not a MAC address; one looks like 02:00:00:00:00:01`);
  });

  it('tell one station from a group by the lowest bit of the first octet', () => {
    expect(isGroupMac(parseMac(BROADCAST_MAC))).toBe(true);
    expect(isGroupMac(parseMac('01:00:5e:00:00:fb'))).toBe(true);
    expect(isGroupMac(parseMac('02:00:00:00:00:01'))).toBe(false);
    expect(isGroupMac(Uint8Array.of(2, 1, 0), 1)).toBe(true);
  });
});

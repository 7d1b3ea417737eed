import { EthernetView } from './ethernet';
import { formatMac } from './mac-address';

const arp = Uint8Array.from(
  Buffer.from('ffffffffffff' + '020000000001' + '0806' + '0001080006040001', 'hex'),
);

describe('the view of an Ethernet frame', () => {
  it('shows the fields where they stand, without copying', () => {
    const frame = new EthernetView(arp);
    expect(formatMac(frame.destination)).toBe('ff:ff:ff:ff:ff:ff');
    expect(formatMac(frame.source)).toBe('02:00:00:00:00:01');
    expect(frame.etherType).toBe(0x0806);
    expect(frame.isGroup).toBe(true);
    expect(frame.payload.length).toBe(8);
    expect(frame.source.buffer).toBe(arp.buffer);
  });

  it('starts anywhere in the bytes', () => {
    const shifted = new Uint8Array(12 + arp.length);
    shifted.set(arp, 12);
    const frame = new EthernetView(shifted, 12);
    expect([formatMac(frame.source), frame.etherType, frame.payload.length]).toEqual([
      '02:00:00:00:00:01',
      0x0806,
      8,
    ]);
  });

  it('takes a frame that is all header, and nothing shorter', () => {
    expect(new EthernetView(arp.subarray(0, 14)).payload.length).toBe(0);
    expect(() => new EthernetView(arp.subarray(0, 13))).toThrow('takes 14 bytes, there are 13 (offset 0)');
    expect(() => new EthernetView(arp, 30)).toThrow('there are 0 (offset 30)');
  });
});

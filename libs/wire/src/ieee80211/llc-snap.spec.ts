import { EthernetView } from '../ethernet';
import { generator } from '../testing/random';
import { WireError } from '../wire-error';
import { ethernetFromMsdu, msduEtherType, msduFromEthernet } from './llc-snap';

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const addresses = 'ffffffffffff 020000000001';
const destination = hex('ffffffffffff');
const source = hex('020000000001');

describe('Ethernet over 802.11', () => {
  it.each([
    ['ARP', `${addresses} 0806 0001`, 'aaaa03 000000 0806 0001'],
    ['IPX by the bridge tunnel', `${addresses} 8137 ffff`, 'aaaa03 0000f8 8137 ffff'],
    ['AARP by the bridge tunnel', `${addresses} 80f3 0001`, 'aaaa03 0000f8 80f3 0001'],
    ['LLC of its own (spanning tree)', `${addresses} 0005 424203 0000`, '424203 0000'],
  ])('carries %s, both ways', (_, ethernet, msdu) => {
    expect(msduFromEthernet(new EthernetView(hex(ethernet)))).toEqual(hex(msdu));
    expect(ethernetFromMsdu(destination, source, hex(msdu))).toEqual(hex(ethernet));
  });

  it('leaves the padding behind an 802.3 length away', () => {
    expect(msduFromEthernet(new EthernetView(hex(`${addresses} 0003 424203 000000`)))).toEqual(hex('424203'));
    expect(msduFromEthernet(new EthernetView(hex(`${addresses} 0100 424203`)))).toEqual(hex('424203'));
  });

  it('tells the EtherType behind SNAP only', () => {
    expect(msduEtherType(hex('aaaa03 000000 888e'))).toBe(0x888e);
    expect(msduEtherType(hex('aaaa03 0000f8 0800'))).toBe(0x0800);
    // RFC 1042's encapsulation of IPX is kept as LLC, or it would come back as the bridge tunnel's.
    for (const other of [
      'aaaa03 000000 8137',
      'aaaa03 00000c 2000',
      'aaaa03 000000 0100',
      'aaaa03 000000',
      '',
    ]) {
      expect(msduEtherType(hex(other))).toBeUndefined();
    }
  });

  it('of any frame with an EtherType comes back as it was', () => {
    const random = generator(1);
    for (let round = 0; round < 500; round++) {
      const ethernet = Uint8Array.from({ length: 14 + random(1500) }, () => random(256));
      ethernet[12] = 6 + random(250);
      const back = ethernetFromMsdu(
        ethernet.slice(0, 6),
        ethernet.slice(6, 12),
        msduFromEthernet(new EthernetView(ethernet)),
      );
      expect(Buffer.from(back).equals(ethernet)).toBe(true);
    }
  });

  it('carries no more than a data frame does', () => {
    expect(ethernetFromMsdu(destination, source, new Uint8Array(2304)).length).toBe(2318);
    expect(() => ethernetFromMsdu(destination, source, new Uint8Array(2305))).toThrow(WireError);
  });
});

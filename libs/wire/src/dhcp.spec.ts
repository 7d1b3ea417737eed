import { dhcpNumber, dhcpOptions, dhcpValue, encodeDhcp, parseDhcp, type DhcpMessage } from './dhcp';
import { generator } from './testing/random';
import { WireError } from './wire-error';

const message = (options: [number, Uint8Array][] = []): DhcpMessage => ({
  op: 1,
  transaction: 0xdeadbeef,
  broadcast: true,
  clientAddress: 0x0a0a0005,
  yourAddress: 0xfffffffe,
  relayAddress: 0,
  clientMac: Uint8Array.of(2, 0, 0, 0, 0, 1),
  options: new Map(options),
});
/** The fixed part of a message, and these octets as its options. */
const withOptions = (...octets: number[]) =>
  Uint8Array.from([...encodeDhcp(message()).subarray(0, 240), ...octets]);

describe('DHCP messages', () => {
  it('are read as they were written', () => {
    const options: [number, Uint8Array][] = [
      [dhcpOptions.MESSAGE_TYPE, Uint8Array.of(1)],
      [dhcpOptions.REQUESTED_ADDRESS, dhcpValue(0xc0a80001)],
      [dhcpOptions.CLIENT_ID, new Uint8Array(255).fill(7)],
    ];
    const bytes = encodeDhcp(message(options));
    expect(parseDhcp(bytes)).toEqual(message(options));
    expect(dhcpNumber(parseDhcp(bytes).options, dhcpOptions.REQUESTED_ADDRESS)).toBe(0xc0a80001);
    expect(dhcpNumber(parseDhcp(bytes).options, dhcpOptions.CLIENT_ID)).toBeUndefined();
  });

  it('have at least the 300 bytes of BOOTP', () => expect(encodeDhcp(message()).length).toBe(300));

  it('are read where the end option is missing, with padding between options', () => {
    expect(parseDhcp(withOptions(0, 0, 53, 1, 3, 0)).options).toEqual(new Map([[53, Uint8Array.of(3)]]));
  });

  it('have split options joined (RFC 3396) and overloaded fields read (RFC 2132 §9.3)', () => {
    const bytes = withOptions(61, 1, 1, 61, 2, 2, 3, 52, 1, 3, 255);
    bytes.set([12, 2, 97, 49, 255], 108);
    bytes.set([15, 1, 120, 255], 44);
    const { options } = parseDhcp(bytes);
    expect(options.get(61)).toEqual(Uint8Array.of(1, 2, 3));
    expect(options.get(12)).toEqual(Uint8Array.of(97, 49));
    expect(options.get(15)).toEqual(Uint8Array.of(120));
  });

  it.each([
    ['too short', new Uint8Array(239), /240 to 1500 bytes, not 239/],
    ['too long', new Uint8Array(1501), /not 1501/],
    ['for other hardware', encodeDhcp(message()).fill(6, 1, 2), /not Ethernet/],
    ['without cookie', encodeDhcp(message()).fill(0, 236, 240), /magic cookie/],
    ['with an option that ends behind the message', withOptions(53, 2, 1), /option 53 is cut/],
    ['with an option without length', withOptions(53), /option 53 is cut/],
  ])('are refused: %s', (_, bytes, words) => {
    expect(() => parseDhcp(bytes)).toThrow(WireError);
    expect(() => parseDhcp(bytes)).toThrow(words);
  });

  it('of any octets are read or refused with a WireError', () => {
    const next = generator(7);
    for (let i = 0; i < 5_000; i++) {
      const bytes = withOptions(...Array.from({ length: next(80) }, () => next(256)));
      for (let flips = next(4); flips > 0; flips--) bytes[next(bytes.length)] = next(256);
      try {
        parseDhcp(bytes);
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(WireError);
      }
    }
  });
});

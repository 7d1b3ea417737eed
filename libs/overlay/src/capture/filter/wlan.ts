import { controlSubtypes, dataSubtypes, frameTypes, managementSubtypes, msduEtherType } from '@v3vee/wire';
import type { Ieee80211Frame } from '@v3vee/wire';
import { parseMacAddress } from './addresses';
import { and, ExpressionParser, or, type TestOf } from './expression';
import { etherTypes } from './packet';
import { toNumber, tokenize } from './tokens';

export interface WlanPacket {
  readonly frame: Ieee80211Frame;
  readonly outbound: boolean;
}
export type WlanTest = TestOf<WlanPacket>;

const { MANAGEMENT, CONTROL, DATA } = frameTypes;
const types = new Map<string, number>([
  ['mgt', MANAGEMENT],
  ['ctl', CONTROL],
  ['data', DATA],
]);
/** By the names of pcap-filter(7), and `action`, which it lacks. */
const subtypes = new Map<string, readonly [type: number, subtype: number]>(
  Object.entries({
    'assoc-req': [MANAGEMENT, managementSubtypes.ASSOCIATION_REQUEST],
    'assoc-resp': [MANAGEMENT, managementSubtypes.ASSOCIATION_RESPONSE],
    'reassoc-req': [MANAGEMENT, managementSubtypes.REASSOCIATION_REQUEST],
    'reassoc-resp': [MANAGEMENT, managementSubtypes.REASSOCIATION_RESPONSE],
    'probe-req': [MANAGEMENT, managementSubtypes.PROBE_REQUEST],
    'probe-resp': [MANAGEMENT, managementSubtypes.PROBE_RESPONSE],
    beacon: [MANAGEMENT, managementSubtypes.BEACON],
    atim: [MANAGEMENT, managementSubtypes.ATIM],
    disassoc: [MANAGEMENT, managementSubtypes.DISASSOCIATION],
    auth: [MANAGEMENT, managementSubtypes.AUTHENTICATION],
    deauth: [MANAGEMENT, managementSubtypes.DEAUTHENTICATION],
    action: [MANAGEMENT, managementSubtypes.ACTION],
    'ps-poll': [CONTROL, controlSubtypes.PS_POLL],
    rts: [CONTROL, controlSubtypes.RTS],
    cts: [CONTROL, controlSubtypes.CTS],
    ack: [CONTROL, controlSubtypes.ACK],
    'cf-end': [CONTROL, controlSubtypes.CF_END],
    data: [DATA, dataSubtypes.DATA],
    null: [DATA, dataSubtypes.NULL],
    'qos-data': [DATA, dataSubtypes.QOS_DATA],
    qos: [DATA, dataSubtypes.QOS_NULL],
  }),
);
const sourceOf = (frame: Ieee80211Frame) => frame.source;
const destinationOf = (frame: Ieee80211Frame) => frame.destination;
/** Which address of a frame is meant; source and destination are those beyond the access points. */
const addresses: Readonly<Record<string, (frame: Ieee80211Frame) => Uint8Array>> = {
  addr1: frame => frame.addr1,
  addr2: frame => frame.addr2,
  addr3: frame => frame.addr3,
  addr4: frame => frame.addr4,
  ra: frame => frame.addr1,
  ta: frame => frame.addr2,
  src: sourceOf,
  dst: destinationOf,
};
const words = [
  '"type mgt|ctl|data"',
  '"subtype beacon|probe-req|…"',
  '"wlan host|src|dst|addr1|…|ra|ta ADDRESS"',
  '"ether proto 0x888e"',
  '"inbound"',
  '"outbound"',
];

/**
 * Compiles a filter of 802.11 frames in the language of pcap-filter(7), of which it has: `type`, `subtype`, `wlan host`,
 * `src`, `dst`, `addr1` to `addr4`, `ra`, `ta` (`ether` means the same), `ether proto` of what is not encrypted, `inbound`,
 * `outbound`, `and`, `or`, `not`, parentheses.
 * @throws V3Error CAPTURE_FILTER_INVALID with the column
 */
export function compileWlanFilter(text: string): WlanTest {
  const tokens = tokenize(text);
  return tokens.length === 0 ? () => true : new Parser(tokens, text.length + 1).parse();
}

class Parser extends ExpressionParser<WlanPacket> {
  protected primitive(): WlanTest {
    if (this.take('inbound')) return ({ outbound }) => !outbound;
    if (this.take('outbound')) return ({ outbound }) => outbound;
    const medium = this.takeOne(['wlan', 'ether']);
    if (this.take('type')) return this.#type();
    if (this.take('subtype')) return this.#subtype();
    if (medium === undefined) {
      throw this.error(`${this.here()} is no word of filters on the air, which are ${words.join(', ')}`);
    }
    return this.take('proto') ? this.#proto() : this.#address();
  }

  /** `type mgt`, and `type mgt subtype beacon`. */
  #type(): WlanTest {
    const token = this.next('a type');
    const type = types.get(token.text);
    if (type === undefined) throw this.error(`"${token.text}" is not mgt, ctl or data`, token);
    return this.take('subtype') ? this.#subtype(token.text) : ({ frame }) => frame.type === type;
  }

  #subtype(ofType?: string): WlanTest {
    const token = this.next('a subtype');
    const only = ofType === undefined ? undefined : types.get(ofType);
    const [type, subtype] = subtypes.get(token.text) ?? [];
    if (type === undefined || (only ?? type) !== type) {
      const known = [...subtypes].flatMap(([name, [its]]) => ((only ?? its) === its ? [name] : []));
      const which = ofType === undefined ? 'no subtype' : `no subtype of ${ofType}`;
      throw this.error(`"${token.text}" is ${which}; there are ${known.join(', ')}`, token);
    }
    return ({ frame }) => frame.type === type && frame.subtype === subtype;
  }

  #address(): WlanTest {
    const which = this.takeOne(Object.keys(addresses));
    this.take('host');
    const token = this.next('an address');
    const mac = parseMacAddress(token.text);
    if (!mac) throw this.error(`"${token.text}" is no address such as 02:56:4d:00:00:01`, token);
    const is =
      (of: (frame: Ieee80211Frame) => Uint8Array): WlanTest =>
      ({ frame }) =>
        equal(of(frame), mac);
    const of = which === undefined ? undefined : addresses[which];
    return of ? is(of) : or(is(sourceOf), is(destinationOf));
  }

  #proto(): WlanTest {
    const token = this.next('an EtherType');
    const type = etherTypes[token.text] ?? toNumber(token.text);
    if (!(type >= 0x600 && type <= 0xffff)) {
      const kinds = 'ip, ip6, arp, rarp, or a number from 0x600; 0x888e is EAPOL';
      throw this.error(`"${token.text}" is no EtherType: ${kinds}`, token);
    }
    return and(
      ({ frame }) => frame.isData && !frame.protected && !frame.isAmsdu,
      ({ frame }) => msduEtherType(frame.body) === type,
    );
  }
}

/** Both have 6 octets, or the one that a frame lacks none. */
function equal(address: Uint8Array, mac: Uint8Array): boolean {
  return address.length === mac.length && mac.every((octet, i) => address[i] === octet);
}

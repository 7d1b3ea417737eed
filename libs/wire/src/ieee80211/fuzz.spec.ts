import { EthernetView } from '../ethernet';
import { generator, type Random } from '../testing/random';
import { WireError } from '../wire-error';
import { encodeEapolKey, encodeKeyData, readEapolKey, readKeyData } from './eapol-key';
import { elementIds, Elements, encodeElements } from './elements';
import { dataSubtypes, frameTypes, Ieee80211Frame, ieee80211Frame } from './header';
import { ethernetFromMsdu, llcSnap, msduEtherType, msduFromEthernet } from './llc-snap';
import {
  encodeBeacon,
  encodeReassociationRequest,
  readAction,
  readAssociationRequest,
  readAssociationResponse,
  readAuthentication,
  readBeacon,
  readProbeRequest,
  readReason,
  readReassociationRequest,
} from './management';
import { encodeRadiotap, readRadiotap } from './radiotap';
import { encodeRates } from './rates';
import { akmSuites, cipherSuites, encodeRsn, readRsn } from './rsn';
import { psPoll } from './short-frames';
import { encodeTim, readTim } from './tim';

const mac = Uint8Array.of(2, 0, 0, 0, 0, 1);
const rsn = encodeRsn({
  version: 1,
  group: cipherSuites.CCMP,
  pairwise: [cipherSuites.CCMP, cipherSuites.TKIP],
  akm: [akmSuites.PSK],
  capabilities: 0,
});
const elements = [
  { id: elementIds.SSID, value: Uint8Array.of(65, 66) },
  { id: elementIds.SUPPORTED_RATES, value: encodeRates([{ rate: 10, basic: true }]) },
  { id: elementIds.DS_PARAMETER, value: Uint8Array.of(6) },
  { id: elementIds.TIM, value: encodeTim({ dtimCount: 0, dtimPeriod: 2, group: true, aids: [3, 77] }) },
  { id: elementIds.CHANNEL_SWITCH, value: Uint8Array.of(1, 2, 3) },
  { id: elementIds.RSN, value: rsn },
];

/** Every field of the view, of whatever getters it has. */
function touch(view: object): void {
  for (
    let proto = Object.getPrototypeOf(view);
    proto !== Object.prototype;
    proto = Object.getPrototypeOf(proto)
  ) {
    for (const name of Object.getOwnPropertyNames(proto)) {
      try {
        void Reflect.get(view, name);
      } catch (thrown) {
        if (!(thrown instanceof WireError)) throw thrown;
      }
    }
  }
}

/** What there is to read, and well-formed bytes from which mutations start. */
const readers: [string, (bytes: Uint8Array) => unknown, Uint8Array][] = [
  [
    'frames',
    bytes => touch(Ieee80211Frame.read(bytes)),
    ieee80211Frame(
      { type: frameTypes.DATA, subtype: dataSubtypes.QOS_DATA, addr1: mac, addr2: mac, addr3: mac },
      llcSnap(0x800, mac),
    ),
  ],
  ['short frames', bytes => touch(Ieee80211Frame.read(bytes)), psPoll(1, mac, mac)],
  ['elements', bytes => touch(new Elements(bytes)), encodeElements(elements)],
  [
    'beacons',
    bytes => touch(readBeacon(bytes).elements),
    encodeBeacon({ timestamp: 1n, interval: 100, capabilities: 1 }, elements),
  ],
  ['probe requests', bytes => touch(readProbeRequest(bytes)), encodeElements(elements)],
  ['authentications', readAuthentication, Uint8Array.of(0, 0, 1, 0, 0, 0, ...encodeElements(elements))],
  ['association requests', bytes => touch(readAssociationRequest(bytes).elements), encodeElements(elements)],
  [
    'reassociation requests',
    bytes => touch(readReassociationRequest(bytes).elements),
    encodeReassociationRequest({ capabilities: 1, listenInterval: 1, currentAp: mac }, elements),
  ],
  ['association responses', readAssociationResponse, Uint8Array.of(1, 0, 0, 0, 1, 192)],
  ['reasons', readReason, Uint8Array.of(3, 0)],
  ['actions', readAction, Uint8Array.of(3, 0, 1)],
  ['TIMs', readTim, encodeTim({ dtimCount: 0, dtimPeriod: 1, group: false, aids: [1, 2007] })],
  ['RSN', readRsn, rsn],
  [
    'EAPOL-Key',
    bytes => readKeyData(readEapolKey(bytes).data),
    encodeEapolKey({
      information: 0x13ca,
      keyLength: 16,
      replayCounter: 1n,
      nonce: new Uint8Array(32),
      rsc: new Uint8Array(8),
      data: encodeKeyData({
        rsn: Uint8Array.of(48, rsn.length, ...rsn),
        gtk: { index: 1, key: new Uint8Array(16) },
      }),
    }),
  ],
  ['key data', readKeyData, encodeKeyData({ gtk: { index: 1, key: new Uint8Array(16) } })],
  ['MSDUs', bytes => [msduEtherType(bytes), ethernetFromMsdu(mac, mac, bytes)], llcSnap(0x800, mac)],
  [
    'Ethernet',
    bytes => msduFromEthernet(new EthernetView(bytes)),
    Uint8Array.of(...mac, ...mac, 0, 3, 1, 2, 3),
  ],
  [
    'radiotap',
    readRadiotap,
    encodeRadiotap({ timestamp: 1n, flags: 0, rate: 60, freq: 2412, signal: -40, retries: 2 }),
  ],
];

const anyBytes = (random: Random) =>
  Uint8Array.from({ length: random(random(10) === 0 ? 3_000 : 80) }, () => random(256));

function mutated(random: Random, bytes: Uint8Array): Uint8Array {
  const copy = random(3) === 0 ? bytes.slice(0, random(bytes.length + 1)) : bytes.slice();
  for (let hits = random(5); hits > 0 && copy.length > 0; hits--) copy[random(copy.length)] = random(256);
  return copy;
}

describe('802.11 codecs', () => {
  it.each(readers)('of %s read or refuse any bytes with a WireError, and change none', (_, read, good) => {
    const random = generator(1);
    expect(() => read(good)).not.toThrow();
    for (let round = 0; round < 3_000; round++) {
      const bytes = random(3) === 0 ? anyBytes(random) : mutated(random, good);
      const before = bytes.slice();
      try {
        read(bytes);
      } catch (thrown) {
        if (!(thrown instanceof WireError)) throw thrown;
      }
      if (!Buffer.from(bytes).equals(before)) throw new Error(`round ${round} changed its input`);
    }
  });
});

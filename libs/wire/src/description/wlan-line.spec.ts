import {
  acknowledgement,
  capabilities,
  dataSubtypes,
  EAPOL_ETHER_TYPE,
  elementIds,
  encodeAction,
  encodeAssociationRequest,
  encodeAssociationResponse,
  encodeAuthentication,
  encodeBeacon,
  encodeEapolKey,
  encodeElements,
  encodeRadiotap,
  encodeReason,
  frameControl,
  frameTypes,
  ieee80211Frame,
  keyInformation,
  llcSnap,
  managementSubtypes,
  nullToAp,
  parseMac,
  psPoll,
  radiotapTxFlags,
  type Radiotap,
} from '../index';
import { describeWlan } from './wlan-line';

const [AP, STATION, WIRED] = ['02:00:00:00:aa:01', '02:56:4d:00:00:01', '02:00:00:00:00:0b'];
const ALL = 'ff:ff:ff:ff:ff:ff';
const UP = `${STATION} > ${AP}`;
const DOWN = `${AP} > ${STATION}`;

const ssid = (text: string) => [{ id: elementIds.SSID, value: Buffer.from(text) }];
const management = (subtype: number, to: string, from: string, body?: Uint8Array, flags = 0) =>
  ieee80211Frame(
    {
      ...{ type: frameTypes.MANAGEMENT, subtype, flags },
      ...{ addr1: parseMac(to), addr2: parseMac(from), addr3: parseMac(AP!) },
    },
    body,
  );
const data = (subtype: number, flags: number, body: Uint8Array) => {
  const [addr1, addr2, addr3] = (
    flags & frameControl.TO_DS ? [AP, STATION, WIRED] : [STATION, AP, WIRED]
  ).map(address => parseMac(address as string)) as [Uint8Array, Uint8Array, Uint8Array];
  return ieee80211Frame({ type: frameTypes.DATA, subtype, flags, addr1, addr2, addr3 }, body);
};
const ping = Uint8Array.from(
  Buffer.from('450000540001000040010000' + '0a000001' + '0a000002' + '0800000001020003', 'hex'),
);
const { PAIRWISE, ACK, MIC, INSTALL, SECURE, VERSION_2 } = keyInformation;
const eapol = (information: number, keyData = 0) => {
  const key = {
    ...{ information: VERSION_2 | information, keyLength: 16, replayCounter: 1n },
    ...{ nonce: new Uint8Array(32), rsc: new Uint8Array(8), data: new Uint8Array(keyData) },
  };
  return data(dataSubtypes.DATA, frameControl.FROM_DS, llcSnap(EAPOL_ETHER_TYPE, encodeEapolKey(key)));
};
const beacon = (text: string, has = 0) =>
  encodeBeacon({ timestamp: 5n, interval: 100, capabilities: capabilities.ESS | has }, ssid(text));
const line = (frame: Uint8Array, radio: Radiotap = {}, kept = Infinity) => {
  const bytes = Buffer.concat([encodeRadiotap(radio), frame]);
  return describeWlan(bytes.subarray(0, kept), bytes.length);
};

const is = managementSubtypes;
const { TO_DS, FROM_DS, PROTECTED, RETRY, MORE_DATA } = frameControl;
it.each([
  [management(is.BEACON, ALL, AP!, beacon('home')), `${AP} > ${ALL}: Beacon "home" every 100 TU`],
  [
    management(is.BEACON, ALL, AP!, beacon('home', capabilities.PRIVACY)),
    `${AP} > ${ALL}: Beacon "home" every 100 TU privacy`,
  ],
  [management(is.BEACON, ALL, AP!, beacon('')), `${AP} > ${ALL}: Beacon hidden every 100 TU`],
  [management(is.PROBE_RESPONSE, STATION!, AP!, beacon('h')), `${DOWN}: Probe Response "h" every 100 TU`],
  [
    management(is.PROBE_REQUEST, ALL, STATION!, encodeElements(ssid(''))),
    `${STATION} > ${ALL}: Probe Request for any`,
  ],
  // What a terminal would obey.
  [
    management(is.PROBE_REQUEST, ALL, STATION!, encodeElements(ssid('\u001b[2J\u009b\u202ex'))),
    `${STATION} > ${ALL}: Probe Request "\\u001b[2J\\u009b\\u202ex"`,
  ],
  [
    management(
      is.AUTHENTICATION,
      AP!,
      STATION!,
      encodeAuthentication({ algorithm: 0, transaction: 1, status: 0 }),
    ),
    `${UP}: Authentication Open 1 success (0)`,
  ],
  [
    management(
      is.ASSOCIATION_REQUEST,
      AP!,
      STATION!,
      encodeAssociationRequest({ capabilities: 0, listenInterval: 5 }, ssid('home')),
    ),
    `${UP}: Association Request "home"`,
  ],
  [
    management(
      is.REASSOCIATION_RESPONSE,
      STATION!,
      AP!,
      encodeAssociationResponse({ capabilities: 0, status: 0, aid: 3 }, []),
    ),
    `${DOWN}: Reassociation Response success (0) AID 3`,
  ],
  [
    management(
      is.ASSOCIATION_RESPONSE,
      STATION!,
      AP!,
      encodeAssociationResponse({ capabilities: 0, status: 17, aid: 0 }, []),
    ),
    `${DOWN}: Association Response too many stations (17)`,
  ],
  [
    management(is.DEAUTHENTICATION, STATION!, AP!, encodeReason(15)),
    `${DOWN}: Deauthentication four way handshake timeout (15)`,
  ],
  [
    management(is.DEAUTHENTICATION, STATION!, AP!, new Uint8Array(26), PROTECTED),
    `${DOWN}: Deauthentication encrypted`,
  ],
  [
    management(is.ACTION, AP!, STATION!, encodeAction(8, 1, new Uint8Array(2))),
    `${UP}: Action category 8 action 1`,
  ],
  [management(7, AP!, STATION!), `${UP}: management frame of subtype 7`],
  [nullToAp(parseMac(AP!), parseMac(STATION!), { sleeps: true }), `${UP}: Null sleeps`],
  [psPoll(3, parseMac(AP!), parseMac(STATION!)), `${UP}: PS-Poll AID 3`],
  [acknowledgement(parseMac(STATION!)), `${STATION}: ACK`],
  [
    data(dataSubtypes.DATA, TO_DS, llcSnap(0x0800, ping)),
    `${UP}: Data 10.0.0.1 > 10.0.0.2: ICMP echo request id 258 seq 3 length 64`,
  ],
  [
    data(dataSubtypes.QOS_DATA, FROM_DS, llcSnap(0x88cc, new Uint8Array(4))),
    `${DOWN}: QoS Data ${WIRED} > ${STATION}: ethertype 0x88cc, length 18`,
  ],
  [
    data(dataSubtypes.QOS_DATA, FROM_DS | PROTECTED, new Uint8Array(50)),
    `${DOWN}: QoS Data encrypted length 50`,
  ],
  [eapol(PAIRWISE | ACK), `${DOWN}: EAPOL-Key 1 of 4`],
  [eapol(PAIRWISE | MIC, 22), `${DOWN}: EAPOL-Key 2 of 4`],
  [eapol(PAIRWISE | ACK | MIC | INSTALL | SECURE, 56), `${DOWN}: EAPOL-Key 3 of 4`],
  [eapol(PAIRWISE | MIC | SECURE), `${DOWN}: EAPOL-Key 4 of 4`],
  [eapol(ACK | MIC | SECURE, 40), `${DOWN}: EAPOL-Key group 1 of 2`],
])('%#: is told', (frame, told) => {
  expect(line(frame)).toBe(told);
});

it('tells how it was sent and heard', () => {
  const frame = data(dataSubtypes.NULL, FROM_DS | RETRY | MORE_DATA, new Uint8Array(0));
  expect(line(frame, { freq: 2437, signal: -48, noise: -91, rate: 540 })).toBe(
    `${DOWN}: Null awake, channel 6, -48 dBm, 54 Mbit/s, retry, more data`,
  );
  const sent = { freq: 5180, txPower: 20, rate: 55, retries: 3, txFlags: radiotapTxFlags.FAILED };
  expect(line(frame, sent)).toBe(
    `${DOWN}: Null awake, channel 36, sent with 20 dBm, 5.5 Mbit/s, retry, 3 retries, not acknowledged, more data`,
  );
});

it('says so when a frame is cut anywhere', () => {
  const frame = management(is.BEACON, ALL, AP!, beacon('home'));
  const whole = encodeRadiotap({}).length + frame.length;
  const cuts = Array.from({ length: whole }, (_, kept) => line(frame, {}, kept));
  // Between two elements nothing is seen to be missing.
  const readable = cuts.flatMap((told, kept) => (told.includes('Beacon') ? [kept] : []));
  expect(readable).toEqual([whole - 2 - 'home'.length]);
  const cut = `a frame of ${whole} bytes that is cut short or malformed`;
  expect(cuts.filter(told => told === cut).length).toBe(whole - 1);
  const long = data(dataSubtypes.DATA, TO_DS, llcSnap(0x0800, Uint8Array.of(...ping, ...new Uint8Array(60))));
  expect(line(long, {}, 68)).toContain('ICMP echo request');
});

import { WireError } from '../wire-error';
import { channelFrequency, frequencyChannel } from './channels';
import { reasonCodes, reasonName, statusName } from './codes';
import { elementIds } from './elements';
import {
  encodeAction,
  encodeAssociationRequest,
  encodeAssociationResponse,
  encodeAuthentication,
  encodeBeacon,
  encodeReason,
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

const ssid = Uint8Array.from(Buffer.from('home'));
const elements = [{ id: elementIds.SSID, value: ssid }];

describe('bodies of management frames', () => {
  it('are read as written', () => {
    const beacon = { timestamp: 0xfedc_ba98_7654_3210n, interval: 100, capabilities: 0x0431 };
    expect(readBeacon(encodeBeacon(beacon, elements))).toMatchObject(beacon);
    expect(readBeacon(encodeBeacon(beacon, elements)).elements.ssid).toEqual(ssid);
    const authentication = { algorithm: 0, transaction: 2, status: 17 };
    expect(readAuthentication(encodeAuthentication(authentication))).toMatchObject(authentication);
    const request = { capabilities: 0x0431, listenInterval: 5 };
    expect(readAssociationRequest(encodeAssociationRequest(request, elements))).toMatchObject(request);
    const again = { ...request, currentAp: Uint8Array.of(2, 0, 0, 0, 170, 1) };
    const read = readReassociationRequest(encodeReassociationRequest(again, elements));
    expect(read).toMatchObject(again);
    expect(read.elements.ssid).toEqual(ssid);
    const response = { capabilities: 0x0431, status: 0, aid: 2007 };
    expect(readAssociationResponse(encodeAssociationResponse(response, elements))).toMatchObject(response);
    expect(readReason(encodeReason(reasonCodes.FOUR_WAY_HANDSHAKE_TIMEOUT))).toBe(15);
    const details = Uint8Array.of(1, 2);
    expect(readAction(encodeAction(3, 0, details))).toEqual({ category: 3, action: 0, details });
    expect(readProbeRequest(Uint8Array.of(0, 4, ...ssid)).ssid).toEqual(ssid);
  });

  it('have the two highest bits of an AID set on the way only, and none where there is no AID', () => {
    const bytes = encodeAssociationResponse({ capabilities: 0, status: 0, aid: 1 }, []);
    expect([...bytes]).toEqual([0, 0, 0, 0, 1, 0xc0]);
    expect([...encodeAssociationResponse({ capabilities: 0, status: 17, aid: 0 }, [])].slice(4)).toEqual([
      0, 0,
    ]);
  });

  it('of SAE end in what are no elements', () => {
    const sae = Uint8Array.of(
      ...encodeAuthentication({ algorithm: 3, transaction: 1, status: 0 }),
      19,
      0,
      255,
    );
    expect(readAuthentication(sae).algorithm).toBe(3);
    const open = Uint8Array.of(...encodeAuthentication({ algorithm: 0, transaction: 1, status: 0 }), 19);
    expect(() => readAuthentication(open)).toThrow('element 19 is cut');
  });

  it.each<[string, number, (body: Uint8Array) => unknown]>([
    ['beacon', 12, readBeacon],
    ['authentication', 6, readAuthentication],
    ['association request', 4, readAssociationRequest],
    ['reassociation request', 10, readReassociationRequest],
    ['association response', 6, readAssociationResponse],
    ['deauthentication', 2, readReason],
    ['action', 2, readAction],
  ])('of a %s are refused where they are cut', (_, length, read) => {
    expect(() => read(new Uint8Array(length))).not.toThrow();
    for (let cut = 0; cut < length; cut++) expect(() => read(new Uint8Array(cut))).toThrow(WireError);
  });
});

describe('codes and channels', () => {
  it('have names', () => {
    expect(reasonName(15)).toBe('four way handshake timeout (15)');
    expect(statusName(17)).toBe('too many stations (17)');
    expect(reasonName(999)).toBe('reason 999');
  });

  it('have frequencies, both ways', () => {
    for (const [channel, freq] of [
      [1, 2412],
      [13, 2472],
      [14, 2484],
      [36, 5180],
      [165, 5825],
    ] as const) {
      expect(channelFrequency(channel)).toBe(freq);
      expect(frequencyChannel(freq)).toBe(channel);
    }
    for (const channel of [0, -1, 15, 35, 1.5, Number.NaN]) {
      expect(() => channelFrequency(channel)).toThrow(`there is no channel ${channel}`);
    }
    for (const freq of [0, 2407, 2413, 2477, 5175, 9999]) expect(frequencyChannel(freq)).toBeUndefined();
  });
});

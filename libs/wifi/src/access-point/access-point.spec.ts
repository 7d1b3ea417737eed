import {
  dataSubtypes,
  elementIds,
  encodeElements,
  Ieee80211Frame,
  managementSubtypes,
  parseMac,
  readBeacon,
} from '@v3vee/wire';
import { Ear } from '../air/testing/ear';
import { AccessPoint } from './access-point';
import { BROADCAST, BSSID, Cell, ethernet, PASSPHRASE, WIRED } from './testing/cell.fixture';
import { rsnPsk } from './testing/station.fixture';

const { PROBE_REQUEST } = managementSubtypes;

describe('an access point announces itself', () => {
  it('by beacons at their interval, with all that a station must know', () => {
    const cell = new Cell({ channel: 6, passphrase: PASSPHRASE, beaconInterval: 50, dtimPeriod: 3 });
    const station = cell.station();
    cell.clock.turn(50 * 1.024 * 9 + 2);
    const beacons = station.frames.filter(frame => frame.isBeacon).map(({ body }) => readBeacon(body));
    expect(beacons.length).toBe(9);
    const [first, second] = beacons;
    expect(Buffer.from(first!.elements.ssid!).toString()).toBe('home');
    expect(first).toMatchObject({ interval: 50, capabilities: 0x0431 });
    expect(second!.timestamp - first!.timestamp).toBe(51_200n);
    expect(first!.elements.channel).toBe(6);
    expect(first!.elements.get(elementIds.RSN)).toEqual(rsnPsk);
    expect(first!.elements.rates.filter(({ basic }) => basic).map(({ rate }) => rate)).toEqual([
      10, 20, 55, 110,
    ]);
    expect(first!.elements.rates.length).toBe(12);
    expect(beacons.map(({ elements }) => elements.tim!.dtimCount)).toEqual([0, 2, 1, 0, 2, 1, 0, 2, 1]);
  });

  it('at the lowest rate of its band, and leaves out the beacons that are late', () => {
    const cell = new Cell();
    const ear = new Ear('ear', '02:00:00:00:bb:01');
    cell.air.join(ear);
    cell.clock.turn(102.4 + 1, 0);
    expect(ear.received.map(({ rate }) => rate)).toEqual([60]);
    cell.clock.turn(1024, 500);
    const late = cell.ap.counters.beacons;
    expect(late).toBeLessThanOrEqual(3);
    cell.clock.turn(90);
    expect(cell.ap.counters.beacons - late).toBeLessThanOrEqual(1);
  });

  const probe = (cell: Cell, elements: { id: number; value: Uint8Array }[], to: Uint8Array = BROADCAST) => {
    const station = cell.station();
    station.manage(PROBE_REQUEST, encodeElements(elements), to, BROADCAST);
    cell.clock.turn(10);
    return station.frames.filter(frame => frame.isProbeResponse);
  };
  const ssid = (name: string) => ({ id: elementIds.SSID, value: Buffer.from(name) });

  it('to who probes for it, or for any', () => {
    const cell = new Cell({ passphrase: PASSPHRASE });
    for (const name of ['home', '']) {
      const [response, ...others] = probe(cell, [ssid(name)]);
      expect(others).toEqual([]);
      const { elements } = readBeacon(response!.body);
      expect(Buffer.from(elements.ssid!).toString()).toBe('home');
      expect(elements.rsn).toBeDefined();
      expect(elements.tim).toBeUndefined();
    }
    expect(probe(cell, [ssid('')], parseMac(BSSID)).length).toBe(1);
    expect(cell.ap.counters.probeResponses).toBe(3);
  });

  it.each([
    ['for another network', [ssid('elsewhere')]],
    ['without an SSID', []],
    ['on another channel', [ssid('home'), { id: elementIds.DS_PARAMETER, value: Uint8Array.of(40) }]],
  ])('not to who probes %s', (_, elements) => expect(probe(new Cell(), elements)).toEqual([]));

  it('hidden, only to who knows its name', () => {
    const cell = new Cell({ hidden: true });
    expect(probe(cell, [ssid('')])).toEqual([]);
    expect(probe(cell, [ssid('home')]).length).toBe(1);
    const station = cell.station();
    cell.clock.turn(110);
    expect(readBeacon(station.frames[0]!.body).elements.ssid!.length).toBe(0);
  });

  it('to a flood of probes within bounds', () => {
    const cell = new Cell();
    const station = cell.station();
    const body = encodeElements([ssid('')]);
    for (let i = 0; i < 500; i++) {
      const frame = station.dataFrame(BROADCAST, body, { plain: true });
      frame[0] = PROBE_REQUEST << 4;
      frame[1] = 0;
      frame.set(BROADCAST, 4);
      cell.ap.receive({ frame, freq: 5180, signal: -40, rate: 60 });
    }
    expect(cell.ap.counters.dropped['too-many-answers']).toBeGreaterThan(400);
    cell.clock.turn(1000);
    expect(cell.member()).toBeDefined();
  });
});

describe('options', () => {
  const good = { id: 'ap', ssid: 'x', bssid: BSSID, channel: 1, txPower: 20 };
  const make = (changed: object) => {
    const { clock, air } = new Cell();
    return () =>
      new AccessPoint({ clock, air, distribution: { send: () => undefined }, ...good, ...changed });
  };

  it('may be left out', () =>
    expect(make({ passphrase: undefined, beaconInterval: undefined })).not.toThrow());

  it.each<[string, object]>([
    ['ssid has 1 to 32 bytes, not 0', { ssid: '' }],
    ['ssid has 1 to 32 bytes, not 33', { ssid: 'ä'.repeat(16) + 'x' }],
    ['bssid "x" is not a MAC address', { bssid: 'x' }],
    ['bssid 01:00:00:00:00:00 is a group address', { bssid: '01:00:00:00:00:00' }],
    ['channel there is no channel 15', { channel: 15 }],
    ['channel 14 has no OFDM', { channel: 14 }],
    ['passphrase is 8 to 63', { passphrase: 'short' }],
    ['passphrase is 8 to 63', { passphrase: 'ümlaut-and-more' }],
    ['txPower is from -50 to 50, not NaN', { txPower: Number.NaN }],
    ['beaconInterval is a whole number from 10 to 10000, not 1', { beaconInterval: 1 }],
    ['dtimPeriod is a whole number from 1 to 255, not 0', { dtimPeriod: 0 }],
    ['maxStations is a whole number from 1 to 2007, not 2008', { maxStations: 2008 }],
    ['queueFrames is a whole number', { queueFrames: 0.5 }],
    ['inactivityTimeout is a whole number', { inactivityTimeout: 0 }],
    ['groupKeyInterval is a whole number', { groupKeyInterval: -1 }],
  ])('are refused: %s', (words, changed) => {
    expect(make(changed)).toThrow(words);
    expect(make(changed)).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST' }));
  });

  it('make frames of the kind that they say: no QoS, no HT', () => {
    const cell = new Cell({ channel: 1 });
    const station = cell.member();
    cell.ap.deliver(ethernet(station.address, WIRED, 1));
    cell.clock.turn(200);
    expect(station.frames.filter(frame => frame.isQos)).toEqual([]);
    const data = station.frames.find(frame => frame.isData)!;
    expect(data).toBeInstanceOf(Ieee80211Frame);
    expect(data.subtype).toBe(dataSubtypes.DATA);
  });
});

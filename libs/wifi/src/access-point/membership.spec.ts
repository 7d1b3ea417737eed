import {
  akmSuites,
  cipherSuites,
  elementIds,
  encodeAuthentication,
  encodeReason,
  encodeRsn,
  managementSubtypes,
  nullToAp,
  parseMac,
  psPoll,
} from '@v3vee/wire';
import { BROADCAST, BSSID, Cell, ethernet, PASSPHRASE, payload, WIRED } from './testing/cell.fixture';
import { type ScriptedStation } from './testing/station.fixture';

const { AUTHENTICATION, DISASSOCIATION } = managementSubtypes;

describe('a station joins', () => {
  it('an open network, and is shown', () => {
    const cell = new Cell();
    const station = cell.member();
    expect(station.statuses).toEqual([0, 0]);
    expect(cell.kinds()).toEqual(['authenticated', 'associated', 'authorized']);
    cell.clock.turn(500);
    const info = cell.info(station)!;
    expect(info).toMatchObject({
      mac: '02:00:00:00:00:01',
      state: 'authorized',
      aid: 1,
      rxRate: 60,
      powerSave: false,
      buffered: 0,
      listenInterval: 10,
      capabilities: 0x0421,
      rates: [60, 90, 120, 180, 240, 360, 480, 540],
    });
    expect(info.signal).toBe(-41);
    expect(cell.clock.now() - info.since).toBeGreaterThanOrEqual(500);
    expect(info.inactive).toBeGreaterThanOrEqual(500);
  });

  it('and bridges learn where it is', () => {
    const cell = new Cell();
    const station = cell.member();
    expect(cell.wired).toEqual([
      Uint8Array.from([...BROADCAST, ...station.address, 0, 6, 0, 1, 0xaf, 0x81, 1, 0]),
    ]);
  });

  it('from another access point of the network', () => {
    const cell = new Cell();
    const station = cell.station();
    station.connect();
    cell.clock.turn(20);
    station.associate(WIRED);
    cell.clock.turn(20);
    expect(cell.events.filter(({ kind }) => kind === 'associated')).toMatchObject([
      { from: undefined },
      { aid: 1, from: '02:00:00:00:ee:01' },
    ]);
    expect(cell.info(station)?.state).toBe('authorized');
    expect(station.aid).toBe(1);
  });

  it.each<[string, number, number, number]>([
    ['shared key', 1, 1, 13],
    ['SAE', 3, 1, 13],
    ['a later message', 0, 3, 14],
  ])('not by %s authentication', (_, algorithm, transaction, status) => {
    const cell = new Cell();
    const station = cell.station();
    station.manage(AUTHENTICATION, encodeAuthentication({ algorithm, transaction, status: 0 }));
    cell.clock.turn(10);
    expect(station.statuses).toEqual([status]);
    expect(cell.ap.stations()).toEqual([]);
  });

  const rsn = {
    version: 1,
    group: cipherSuites.CCMP,
    pairwise: [cipherSuites.CCMP],
    akm: [akmSuites.PSK],
    capabilities: 0,
  };
  it.each<[string, number, Uint8Array | undefined, number]>([
    ['another SSID', elementIds.SSID, Buffer.from('elsewhere'), 1],
    ['no SSID', elementIds.SSID, undefined, 1],
    ['a mandatory rate missing', elementIds.SUPPORTED_RATES, Uint8Array.of(12, 18, 36, 48, 72, 96, 108), 18],
    ['no rates', elementIds.SUPPORTED_RATES, undefined, 18],
    ['no RSN element', elementIds.RSN, undefined, 40],
    ['RSN version 2', elementIds.RSN, encodeRsn({ ...rsn, version: 2 }), 44],
    ['TKIP for groups', elementIds.RSN, encodeRsn({ ...rsn, group: cipherSuites.TKIP }), 41],
    ['TKIP', elementIds.RSN, encodeRsn({ ...rsn, pairwise: [cipherSuites.TKIP] }), 42],
    [
      'two ciphers',
      elementIds.RSN,
      encodeRsn({ ...rsn, pairwise: [cipherSuites.CCMP, cipherSuites.TKIP] }),
      42,
    ],
    ['SAE', elementIds.RSN, encodeRsn({ ...rsn, akm: [akmSuites.SAE] }), 43],
    ['802.1X by default', elementIds.RSN, Uint8Array.of(1, 0), 43],
    ['protected management demanded', elementIds.RSN, encodeRsn({ ...rsn, capabilities: 0xc0 }), 45],
  ])('not with %s', (_, id, value, status) => {
    const cell = new Cell({ passphrase: PASSPHRASE });
    const station = cell.station({ passphrase: PASSPHRASE });
    station.elements = station.elements.flatMap(element =>
      element.id !== id ? [element] : value ? [{ id, value }] : [],
    );
    station.connect();
    cell.clock.turn(20);
    expect(station.statuses).toEqual([0, status]);
    expect(cell.info(station)?.state).toBe('authenticated');
    expect(cell.events.at(-1)).toEqual({ kind: 'refused', station: station.options.mac, status });
  });

  it('only after it was authenticated', () => {
    const cell = new Cell();
    const station = cell.station();
    station.associate();
    cell.clock.turn(10);
    expect(station.sentAway).toEqual([6]);
  });

  it('up to a bound; then others are told that there is no room', () => {
    const cell = new Cell({ maxStations: 250, channel: 36 });
    const stations = Array.from({ length: 300 }, () => cell.station());
    for (const station of stations) {
      station.connect();
      cell.clock.turn(5);
    }
    cell.clock.turn(500);
    const joined = cell.ap.stations();
    expect(joined.length).toBe(250);
    expect(joined.every(({ state }) => state === 'authorized')).toBe(true);
    expect(new Set(joined.map(({ aid }) => aid)).size).toBe(250);
    expect(Math.max(...joined.map(({ aid }) => aid))).toBe(250);
    const refused = stations.filter(({ statuses }) => statuses[0] === 17);
    expect(refused.length).toBe(50);
    stations[7]!.leave();
    cell.clock.turn(20);
    refused[0]!.connect();
    cell.clock.turn(20);
    expect(cell.info(refused[0]!)).toMatchObject({ state: 'authorized', aid: 8 });
  });

  it('also where many have only been authenticated: the oldest of those makes room', () => {
    const cell = new Cell({ maxStations: 3 });
    const idle = Array.from({ length: 3 }, () => cell.station());
    for (const station of idle) {
      station.manage(AUTHENTICATION, encodeAuthentication({ algorithm: 0, transaction: 1, status: 0 }));
    }
    cell.clock.turn(20);
    cell.member();
    expect(cell.ap.stations().map(({ mac }) => mac)).toEqual([
      idle[1]!.options.mac,
      idle[2]!.options.mac,
      '02:00:00:00:00:04',
    ]);
  });
});

describe('a station leaves', () => {
  it.each([
    ['deauthentication', (station: ScriptedStation) => station.leave(), undefined],
    [
      'disassociation',
      (station: ScriptedStation) => station.manage(DISASSOCIATION, encodeReason(8)),
      'authenticated',
    ],
  ])('by %s', (_, leave, state) => {
    const cell = new Cell();
    const station = cell.member();
    leave(station);
    cell.clock.turn(10);
    expect(cell.info(station)?.state).toBe(state);
    expect(cell.events.at(-1)).toMatchObject({ kind: 'left', by: 'station' });
    cell.ap.deliver(ethernet(station.address, WIRED, 1));
    cell.clock.turn(10);
    expect(station.unicast).toEqual([]);
    expect(cell.ap.counters.dropped['no-station']).toBe(1);
  });

  it('when it is sent away', () => {
    const cell = new Cell();
    const station = cell.member();
    expect(cell.ap.deauthenticate(station.options.mac, 5)).toBe(true);
    expect(cell.ap.deauthenticate(station.options.mac)).toBe(false);
    cell.clock.turn(10);
    expect(station.sentAway).toEqual([5]);
    expect(cell.events.at(-1)).toEqual({
      kind: 'left',
      station: station.options.mac,
      reason: 5,
      by: 'accessPoint',
    });
  });

  it('without a word when it is known to be elsewhere', () => {
    const cell = new Cell();
    const station = cell.member();
    cell.ap.forget(station.options.mac);
    cell.clock.turn(10);
    expect(station.sentAway).toEqual([]);
    expect(cell.ap.stations()).toEqual([]);
  });

  it('when the access point stops, which is deaf and silent then, and begins again', () => {
    const cell = new Cell({ passphrase: PASSPHRASE });
    const stations = [1, 2].map(() => cell.member({ passphrase: PASSPHRASE }));
    cell.ap.stop();
    cell.clock.turn(1000);
    expect(stations.map(({ sentAway }) => sentAway)).toEqual([[3], [3]]);
    expect([cell.ap.freq, cell.ap.acknowledges(BSSID), cell.clock.timers]).toEqual([undefined, false, 0]);
    const { beacons } = stations[0]!;
    cell.ap.deliver(ethernet(BROADCAST, WIRED, 1));
    stations[0]!.connect();
    cell.clock.turn(1000);
    expect([stations[0]!.beacons, cell.ap.stations()]).toEqual([beacons, []]);
    cell.ap.start();
    stations[0]!.connect();
    cell.clock.turn(200);
    expect(cell.info(stations[0]!)?.state).toBe('authorized');
  });

  it('in its own access point only: frames about others, or by others, do not matter', () => {
    const cell = new Cell();
    const [station, other] = [cell.member(), cell.member()];
    // One who floods deauthentications ends itself alone.
    for (let i = 0; i < 100; i++) other.leave();
    other.manage(managementSubtypes.DEAUTHENTICATION, encodeReason(3), station.address);
    cell.clock.turn(500);
    expect(cell.ap.stations().map(({ mac }) => mac)).toEqual([station.options.mac]);
  });
});

describe('who does not belong here', () => {
  it.each<[string, (station: ScriptedStation) => Uint8Array]>([
    ['data', station => station.dataFrame(WIRED, payload(1))],
    ['a null frame', station => nullToAp(parseMac(BSSID), station.address, { sleeps: true })],
    ['a PS-Poll', station => psPoll(1, parseMac(BSSID), station.address)],
  ])('is told so for %s, once a second', (_, frame) => {
    const cell = new Cell();
    const station = cell.station();
    for (let i = 0; i < 20; i++) station.transmit(frame(station));
    cell.clock.turn(100);
    expect(station.sentAway).toEqual([7]);
    expect(cell.ap.counters.dropped['not-associated']).toBe(20);
    expect(cell.arrived).toEqual([]);
    cell.clock.turn(1000);
    station.transmit(frame(station));
    cell.clock.turn(100);
    expect(station.sentAway).toEqual([7, 7]);
  });

  it('is only disassociated if it is authenticated', () => {
    const cell = new Cell();
    const station = cell.station();
    station.manage(AUTHENTICATION, encodeAuthentication({ algorithm: 0, transaction: 1, status: 0 }));
    station.send(WIRED, payload(1));
    cell.clock.turn(20);
    expect(station.sentAway).toEqual([-7]);
    expect(cell.info(station)?.state).toBe('authenticated');
  });

  it('does not disturb: cut frames, frames of groups, of itself, for others', () => {
    const cell = new Cell();
    const station = cell.member();
    const before = cell.ap.stations();
    const hear = (frame: Uint8Array) => cell.ap.receive({ frame, freq: 5180, signal: -40, rate: 60 });
    hear(new Uint8Array(0));
    hear(station.dataFrame(WIRED, payload(1)).subarray(0, 23));
    hear(station.dataFrame(WIRED, payload(1)).fill(1, 10, 11));
    const own = station.dataFrame(WIRED, payload(1));
    own.set(parseMac(BSSID), 10);
    hear(own);
    const others = station.dataFrame(WIRED, payload(1));
    others.set(WIRED, 4);
    hear(others);
    cell.clock.turn(0);
    expect(cell.ap.stations()).toEqual(before);
    expect(cell.ap.counters.dropped).toMatchObject({ malformed: 2, 'not-associated': 0 });
    expect(cell.arrived).toEqual([]);
  });
});

import { frameControl, Ieee80211Frame, parseMac } from '@v3vee/wire';
import { BROADCAST, BSSID, Cell, ethernet, payload, WIRED } from './testing/cell.fixture';
import { type ScriptedStation } from './testing/station.fixture';

describe('data', () => {
  it('of stations reaches the wired side, of both kinds of frames', () => {
    const cell = new Cell();
    const station = cell.member();
    station.send(WIRED, payload(1));
    station.transmit(station.dataFrame(WIRED, payload(2), { tid: 6 }));
    cell.clock.turn(10);
    expect(cell.arrived).toEqual([1, 2].map(number => ethernet(WIRED, station.address, number)));
    expect(cell.info(station)).toMatchObject({ rxFrames: 2, rxBytes: 216 });
  });

  it('of the wired side reaches one station, or all', () => {
    const cell = new Cell();
    const [a, b] = [cell.member(), cell.member()];
    cell.ap.deliver(ethernet(a.address, WIRED, 1));
    cell.ap.deliver(ethernet(BROADCAST, WIRED, 2));
    cell.clock.turn(20);
    expect(a.unicast).toMatchObject([{ source: WIRED, msdu: payload(1) }]);
    expect(b.unicast).toEqual([]);
    for (const station of [a, b]) expect(station.group).toMatchObject([{ source: WIRED, msdu: payload(2) }]);
    expect(cell.info(a)).toMatchObject({ txFrames: 1, txBytes: 108, txRetries: 0, txFailed: 0 });
    expect(cell.info(a)!.txRate).toBeGreaterThan(60);
    expect(cell.ap.counters).toMatchObject({ tx: 1, txGroup: 1 });
  });

  it('between stations stays here; what is for all goes both ways', () => {
    const cell = new Cell();
    const [a, b] = [cell.member(), cell.member()];
    a.send(b.address, payload(1));
    a.send(BROADCAST, payload(2));
    cell.clock.turn(20);
    expect(b.unicast).toMatchObject([{ source: a.address, msdu: payload(1) }]);
    expect(b.group).toMatchObject([{ source: a.address, msdu: payload(2) }]);
    expect(cell.arrived).toEqual([ethernet(BROADCAST, a.address, 2)]);
  });

  it('between stations that are isolated goes nowhere', () => {
    const cell = new Cell({ isolation: true });
    const [a, b] = [cell.member(), cell.member()];
    a.send(b.address, payload(1));
    a.send(BROADCAST, payload(2));
    a.send(WIRED, payload(3));
    cell.clock.turn(20);
    expect([b.unicast, b.group]).toEqual([[], []]);
    expect(cell.arrived.map(frame => frame[14])).toEqual([2, 3]);
    expect(cell.ap.counters.dropped.isolated).toBe(1);
  });

  it('of fragments is put together', () => {
    const cell = new Cell();
    const station = cell.member();
    const whole = payload(7, 1000);
    const part = (fragment: number, flags: number) =>
      station.dataFrame(WIRED, whole.subarray(fragment * 400, (fragment + 1) * 400), {
        sequence: 77,
        fragment,
        flags,
      });
    const { MORE_FRAGMENTS } = frameControl;
    for (const [fragment, flags] of [
      [0, MORE_FRAGMENTS],
      [1, MORE_FRAGMENTS],
      [2, 0],
    ] as const) {
      station.transmit(part(fragment, flags));
    }
    cell.clock.turn(20);
    expect(cell.arrived).toEqual([ethernet(WIRED, station.address, 7, 1000)]);
    station.transmit(part(2, 0));
    cell.clock.turn(20);
    expect(cell.ap.counters.dropped.fragment).toBe(1);
  });

  it.each<[string, (station: ScriptedStation) => Uint8Array, string]>([
    [
      'an aggregate',
      station => {
        const frame = station.dataFrame(WIRED, payload(1), { tid: 0 });
        frame[24] = 0x80;
        return frame;
      },
      'amsdu',
    ],
    [
      'from an access point',
      station => station.dataFrame(WIRED, payload(1), { flags: frameControl.FROM_DS }),
      'wrong-direction',
    ],
    ['too long', station => station.dataFrame(WIRED, payload(1, 2300)), 'malformed'],
    ['for the access point itself', station => station.dataFrame(parseMac(BSSID), payload(1)), 'no-station'],
    [
      'encrypted in an open network',
      station => station.dataFrame(WIRED, payload(1), { flags: frameControl.PROTECTED }),
      'no-key',
    ],
  ])('is dropped: %s', (_, frame, reason) => {
    const cell = new Cell();
    const station = cell.member();
    station.transmit(frame(station));
    cell.clock.turn(20);
    expect(cell.arrived).toEqual([]);
    expect(cell.ap.counters.dropped).toMatchObject({ [reason]: 1 });
  });

  it('of the wired side that cannot be carried is dropped', () => {
    const cell = new Cell();
    const station = cell.member();
    cell.ap.deliver(new Uint8Array(13));
    cell.ap.deliver(ethernet(station.address, WIRED, 1, 2297));
    cell.ap.deliver(ethernet(BROADCAST, WIRED, 1, 2297));
    cell.ap.deliver(ethernet(WIRED, station.address, 1));
    cell.clock.turn(20);
    expect(cell.ap.counters.dropped).toMatchObject({ malformed: 1, 'too-long': 2, 'no-station': 1 });
    expect([station.unicast, station.group]).toEqual([[], []]);
  });

  it('that comes twice because its acknowledgement was lost is taken once', () => {
    const cell = new Cell();
    const station = cell.member();
    const frame = station.dataFrame(WIRED, payload(1));
    const again = frame.slice();
    again[1] = again[1]! | 0x08;
    for (const bytes of [frame, again, again]) station.transmit(bytes);
    cell.clock.turn(20);
    expect(cell.arrived.length).toBe(1);
    expect(cell.ap.counters.dropped.duplicate).toBe(2);
  });

  it('shares the air evenly between a fast and a slow station, not by frames', () => {
    const cell = new Cell();
    const [near, far] = [cell.member(), cell.member()];
    cell.air.setSnr('ap/home', far.id, 8);
    const airtime = new Map<string, number>();
    cell.air.tap(({ from, frame, airtime: taken }) => {
      const { receiver, isData } = Ieee80211Frame.read(frame);
      if (from === 'ap/home' && isData) airtime.set(receiver, (airtime.get(receiver) ?? 0) + taken);
    });
    for (let round = 0; round < 60; round++) {
      for (let i = 0; i < 40; i++) {
        for (const { address } of [near, far]) cell.ap.deliver(ethernet(address, WIRED, i, 1400));
      }
      cell.clock.turn(10);
    }
    expect(near.unicast.length).toBeGreaterThan(2 * far.unicast.length);
    const share = airtime.get(near.options.mac)! / airtime.get(far.options.mac)!;
    expect(share).toBeGreaterThan(0.9);
    expect(share).toBeLessThan(1.1);
  });
});

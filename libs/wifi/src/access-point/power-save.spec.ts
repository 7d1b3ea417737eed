import { nullToAp, parseMac, psPoll } from '@v3vee/wire';
import {
  BROADCAST,
  BSSID,
  Cell,
  ethernet,
  numberOf,
  PASSPHRASE,
  payload,
  WIRED,
} from './testing/cell.fixture';
import { type ScriptedStation } from './testing/station.fixture';

const numbers = (list: { msdu: Uint8Array }[]) => list.map(({ msdu }) => numberOf(msdu));
const counting = (count: number, from = 0) => Array.from({ length: count }, (_, i) => from + i);
const BEACON_MS = 102.4;

function asleep(cell: Cell, passphrase?: string): ScriptedStation {
  const station = cell.member({ passphrase });
  station.sleep();
  cell.clock.turn(20);
  expect(cell.info(station)?.powerSave).toBe(true);
  return station;
}

function deliver(cell: Cell, station: ScriptedStation, count: number, from = 0): void {
  for (const number of counting(count, from)) cell.ap.deliver(ethernet(station.address, WIRED, number));
}

describe.each([
  ['open', undefined],
  ['WPA2', PASSPHRASE],
])('a station that sleeps (%s)', (_, passphrase) => {
  it('gets all that was buffered for it, in order, when it wakes', () => {
    const cell = new Cell({ passphrase });
    const station = asleep(cell, passphrase);
    deliver(cell, station, 100);
    cell.clock.turn(250);
    expect(station.unicast).toEqual([]);
    expect(cell.info(station)).toMatchObject({ buffered: 100, powerSave: true });
    expect(station.tim?.aids).toEqual([1]);
    station.wake();
    cell.clock.turn(250);
    expect(numbers(station.unicast)).toEqual(counting(100));
    expect(cell.info(station)).toMatchObject({ buffered: 0, powerSave: false, txDropped: 0, txFailed: 0 });
    expect(station.tim?.aids).toEqual([]);
  });

  it('gets one frame for each PS-Poll, which says whether there are more', () => {
    const cell = new Cell({ passphrase });
    const station = asleep(cell, passphrase);
    deliver(cell, station, 3);
    for (let i = 1; i <= 3; i++) {
      station.poll();
      cell.clock.turn(10);
      expect(numbers(station.unicast)).toEqual(counting(i));
      expect(station.unicast.at(-1)!.moreData).toBe(i < 3);
    }
    station.poll();
    cell.clock.turn(10);
    expect(station.frames.filter(frame => frame.isNull)).toMatchObject([{ moreData: false }]);
    expect(cell.info(station)).toMatchObject({ powerSave: true, buffered: 0 });
  });

  it('loses nothing by falling asleep while frames are on their way', () => {
    const cell = new Cell({ passphrase });
    const station = cell.member({ passphrase });
    deliver(cell, station, 60);
    for (let round = 0; round < 20; round++) {
      // It tells that it sleeps, and is deaf from that moment on.
      cell.ap.receive({
        frame: nullToAp(parseMac(BSSID), station.address, { sleeps: true }),
        freq: 5180,
        signal: -40,
        rate: 60,
      });
      station.freq = undefined;
      deliver(cell, station, 5, 60 + 5 * round);
      cell.clock.turn(5);
      station.freq = 5180;
      station.wake();
      cell.clock.turn(1);
    }
    cell.clock.turn(500);
    expect(numbers(station.unicast)).toEqual(counting(160));
    expect(cell.info(station)).toMatchObject({ txDropped: 0, txFailed: 0, buffered: 0 });
  });

  it('gets group frames behind the beacons with DTIM; nobody else gets them before', () => {
    const cell = new Cell({ passphrase, dtimPeriod: 3 });
    const [sleeper, awake] = [asleep(cell, passphrase), cell.member({ passphrase })];
    cell.clock.turn(BEACON_MS * 3);
    while (sleeper.tim!.dtimCount !== 2) cell.clock.turn(BEACON_MS);
    for (const number of counting(4)) cell.ap.deliver(ethernet(BROADCAST, WIRED, number));
    cell.clock.turn(BEACON_MS);
    expect([sleeper.tim!.dtimCount, sleeper.tim!.group, sleeper.group.length]).toEqual([1, false, 0]);
    cell.clock.turn(BEACON_MS + 20);
    expect([sleeper.tim!.dtimCount, sleeper.tim!.group]).toEqual([0, true]);
    for (const { group } of [sleeper, awake]) {
      expect(numbers(group)).toEqual(counting(4));
      expect(group.map(({ moreData }) => moreData)).toEqual([true, true, true, false]);
    }
    cell.clock.turn(BEACON_MS * 3);
    expect(sleeper.tim!.group).toBe(false);
  });

  it('does not hold group frames back when it wakes or leaves', () => {
    for (const end of ['wake', 'leave'] as const) {
      const cell = new Cell({ passphrase, beaconInterval: 10_000 });
      const [sleeper, awake] = [asleep(cell, passphrase), cell.member({ passphrase })];
      cell.ap.deliver(ethernet(BROADCAST, WIRED, 1));
      cell.clock.turn(20);
      expect(awake.group).toEqual([]);
      sleeper[end]();
      cell.clock.turn(20);
      expect(numbers(awake.group)).toEqual([1]);
    }
  });
});

describe('power save', () => {
  it('keeps the newest frames up to its bound, and counts the others', () => {
    const cell = new Cell({ queueFrames: 50 });
    const station = asleep(cell);
    deliver(cell, station, 70);
    expect(cell.info(station)).toMatchObject({ buffered: 50, txDropped: 20 });
    expect(cell.ap.counters.dropped['queue-full']).toBe(20);
    station.wake();
    cell.clock.turn(100);
    expect(numbers(station.unicast)).toEqual(counting(50, 20));
  });

  it('of one station does not keep the others', () => {
    const cell = new Cell();
    const [sleeper, awake] = [asleep(cell), cell.member()];
    deliver(cell, sleeper, 20);
    deliver(cell, awake, 20);
    cell.clock.turn(50);
    expect(awake.unicast.length).toBe(20);
    expect(sleeper.unicast).toEqual([]);
  });

  it('announces several stations in one map', () => {
    const cell = new Cell();
    const stations = Array.from({ length: 20 }, () => cell.member());
    for (const i of [2, 9, 19]) stations[i]!.sleep();
    cell.clock.turn(20);
    for (const i of [2, 19]) deliver(cell, stations[i]!, 1);
    cell.clock.turn(BEACON_MS);
    expect(stations[9]!.tim!.aids).toEqual([3, 20]);
  });

  it('answers no PS-Poll of another AID, nor one in the middle of an answer', () => {
    const cell = new Cell();
    const station = asleep(cell);
    deliver(cell, station, 5);
    station.transmit(psPoll(2, parseMac(BSSID), station.address));
    cell.clock.turn(10);
    expect(station.unicast).toEqual([]);
    station.freq = undefined;
    for (let i = 0; i < 50; i++) {
      cell.ap.receive({
        frame: psPoll(1, parseMac(BSSID), station.address),
        freq: 5180,
        signal: -40,
        rate: 60,
      });
    }
    // What it asked for and did not hear is kept, and nothing else was sent.
    cell.clock.turn(200);
    expect(cell.info(station)).toMatchObject({ buffered: 5, txFailed: 0 });
    station.freq = 5180;
    station.poll();
    cell.clock.turn(10);
    expect(numbers(station.unicast)).toEqual([0]);
  });

  it('is over with the association', () => {
    const cell = new Cell();
    const station = asleep(cell);
    deliver(cell, station, 5);
    station.connect();
    cell.clock.turn(50);
    expect(cell.info(station)).toMatchObject({ state: 'authorized', powerSave: false, buffered: 0 });
    expect(station.unicast).toEqual([]);
    cell.ap.deliver(ethernet(station.address, WIRED, 7));
    cell.clock.turn(10);
    expect(station.unicast).toMatchObject([{ msdu: payload(7) }]);
  });
});

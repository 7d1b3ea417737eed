import { BROADCAST, Cell, ethernet, PASSPHRASE, payload, WIRED } from './testing/cell.fixture';
import { type ScriptedStation } from './testing/station.fixture';

const secured = { passphrase: PASSPHRASE };
const groupKeys = (station: ScriptedStation) => [...station.supplicant!.groupKeys.keys()].sort();

/** Group frames, one every 10 ms. */
function flood(cell: Cell, ms: number): number {
  for (let i = 0; i < ms / 10; i++) {
    cell.ap.deliver(ethernet(BROADCAST, WIRED, i));
    cell.clock.turn(10);
  }
  return ms / 10;
}

describe('the group key', () => {
  it('is renewed at its interval; no group frame is lost meanwhile', () => {
    const cell = new Cell({ ...secured, groupKeyInterval: 5_000 });
    const stations = [1, 2, 3].map(() => cell.member(secured));
    const sent = flood(cell, 16_000);
    expect(cell.events.filter(({ kind }) => kind === 'groupKey')).toEqual(
      Array.from({ length: 3 }, () => ({ kind: 'groupKey', stations: 3 })),
    );
    for (const station of stations) {
      expect(station.group.length).toBe(sent);
      expect(station.undecipherable).toBe(0);
      expect(groupKeys(station)).toEqual([1, 2]);
    }
  });

  it('is renewed when a station leaves, once for several', () => {
    const cell = new Cell(secured);
    const [a, b, c] = [1, 2, 3].map(() => cell.member(secured)) as [
      ScriptedStation,
      ScriptedStation,
      ScriptedStation,
    ];
    a.leave();
    b.leave();
    cell.clock.turn(1_000);
    expect(cell.ap.counters.groupKeys).toBe(1);
    cell.ap.deliver(ethernet(BROADCAST, WIRED, 1));
    cell.clock.turn(20);
    expect(c.group).toMatchObject([{ msdu: payload(1) }]);
    expect(groupKeys(c)).toEqual([1, 2]);
  });

  it('is not renewed when that is not wanted', () => {
    const cell = new Cell({ ...secured, groupKeyOnLeave: false, groupKeyInterval: 0 });
    cell.member(secured).leave();
    cell.member(secured);
    cell.clock.turn(7_200_000 / 100);
    expect(cell.ap.counters.groupKeys).toBe(0);
  });

  it('goes on as it was until all have the new one; who does not answer is sent away', () => {
    const cell = new Cell(secured);
    const [good, mute] = [cell.member(secured), cell.member(secured)];
    mute.gate = () => undefined;
    cell.ap.renewGroupKey();
    const sent = flood(cell, 9_000);
    expect(good.group.length).toBe(sent);
    expect(cell.ap.counters.groupKeys).toBe(0);
    cell.clock.turn(500);
    expect(mute.sentAway).toEqual([16]);
    expect(cell.events).toContainEqual({
      kind: 'handshakeFailed',
      station: mute.options.mac,
      waitedFor: 'group message 2',
    });
    // The renewal ended, and one more followed because it left.
    cell.clock.turn(1_000);
    expect(cell.ap.counters.groupKeys).toBe(2);
    expect(flood(cell, 100) + sent).toBe(good.group.length);
  });

  it('is given by message 3 to who joins while it is renewed', () => {
    const cell = new Cell(secured);
    const mute = cell.member(secured);
    mute.gate = () => undefined;
    cell.ap.renewGroupKey();
    cell.clock.turn(50);
    const late = cell.member(secured);
    expect(groupKeys(late)).toEqual([2]);
    cell.clock.turn(11_000);
    const before = late.group.length;
    flood(cell, 100);
    expect(late.group.length - before).toBe(10);
  });

  it('is given once more to a station that got the last one in the middle of its handshake', () => {
    const cell = new Cell(secured);
    const station = cell.station(secured);
    let held: Uint8Array | undefined;
    station.gate = (message, answer) => {
      if (message !== 4) return answer;
      held = answer;
      return undefined;
    };
    station.connect();
    cell.clock.turn(20);
    cell.ap.renewGroupKey();
    expect(cell.ap.counters.groupKeys).toBe(1);
    station.gate = (_, answer) => answer;
    station.sendEapol(held!);
    cell.clock.turn(20);
    expect(cell.info(station)?.state).toBe('authorized');
    expect(groupKeys(station)).toEqual([1, 2]);
    flood(cell, 100);
    expect(station.group.length).toBe(10);
  });

  it('reaches a station that sleeps, when it asks', () => {
    const cell = new Cell(secured);
    const station = cell.member(secured);
    station.sleep();
    cell.clock.turn(20);
    cell.ap.renewGroupKey();
    cell.clock.turn(220);
    expect(station.tim?.aids).toEqual([1]);
    expect(groupKeys(station)).toEqual([1]);
    // Until then group frames are under the key that it has.
    cell.ap.deliver(ethernet(BROADCAST, WIRED, 1));
    cell.clock.turn(220);
    expect(station.group).toMatchObject([{ msdu: payload(1) }]);
    station.poll();
    cell.clock.turn(20);
    expect(groupKeys(station)).toEqual([1, 2]);
    expect(cell.ap.counters.groupKeys).toBe(1);
    cell.ap.deliver(ethernet(BROADCAST, WIRED, 2));
    cell.clock.turn(220);
    expect(station.group.length).toBe(2);
  });

  it('is not known to who has left', () => {
    const cell = new Cell(secured);
    const [gone, stays] = [cell.member(secured), cell.member(secured)];
    const known = gone.supplicant!;
    gone.leave();
    cell.clock.turn(1_000);
    gone.supplicant = known;
    flood(cell, 100);
    expect(stays.group.length).toBe(10);
    expect([gone.group.length, gone.undecipherable]).toEqual([0, 10]);
  });
});

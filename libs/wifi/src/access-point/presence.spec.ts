import { encodeAuthentication, managementSubtypes } from '@v3vee/wire';
import { Cell, ethernet, WIRED } from './testing/cell.fixture';

const { AUTHENTICATION } = managementSubtypes;

describe('a station that is silent', () => {
  it('is asked whether it is there, and stays if it acknowledges', () => {
    const cell = new Cell({ inactivityTimeout: 5_000 });
    const station = cell.member();
    cell.clock.turn(30_000);
    expect(cell.info(station)?.state).toBe('authorized');
    const questions = station.frames.filter(frame => frame.isNull).length;
    expect(questions).toBeGreaterThanOrEqual(4);
    expect(questions).toBeLessThanOrEqual(6);
  });

  it('is sent away if it does not', () => {
    const cell = new Cell({ inactivityTimeout: 5_000 });
    const station = cell.member();
    station.freq = undefined;
    cell.clock.turn(14_000);
    expect(cell.info(station)?.state).toBe('authorized');
    cell.clock.turn(3_000);
    expect(cell.ap.stations()).toEqual([]);
    expect(cell.events.at(-1)).toEqual({
      kind: 'left',
      station: station.options.mac,
      reason: 4,
      by: 'accessPoint',
    });
  });

  it('is asked by the TIM when it sleeps', () => {
    const cell = new Cell({ inactivityTimeout: 5_000 });
    const station = cell.member();
    station.sleep();
    cell.clock.turn(7_000);
    expect(station.frames.filter(frame => frame.isNull)).toEqual([]);
    expect(station.tim?.aids).toEqual([1]);
    station.poll();
    cell.clock.turn(10_000);
    expect(cell.info(station)?.state).toBe('authorized');
  });

  it('is gone when frames in a row were lost for ten seconds', () => {
    const cell = new Cell();
    const station = cell.member();
    station.freq = undefined;
    for (let i = 0; i < 60; i++) cell.ap.deliver(ethernet(station.address, WIRED, i));
    cell.clock.turn(8_000);
    expect(cell.info(station)).toMatchObject({ txFailed: 60, txFrames: 0 });
    expect(cell.info(station)!.txRetries).toBeGreaterThan(60 * 3);
    cell.clock.turn(4_000);
    expect(cell.events.at(-1)).toMatchObject({ kind: 'left', reason: 34 });
    expect(cell.ap.counters.txFailed).toBe(60);
  });

  it('is forgotten if it never associated', () => {
    const cell = new Cell();
    cell.station().manage(AUTHENTICATION, encodeAuthentication({ algorithm: 0, transaction: 1, status: 0 }));
    cell.clock.turn(29_000);
    expect(cell.ap.stations().length).toBe(1);
    cell.clock.turn(3_000);
    expect(cell.ap.stations()).toEqual([]);
    expect(cell.kinds()).toEqual(['authenticated']);
  });

  it('at the end of its association is not associated: the answer never arrived', () => {
    const cell = new Cell();
    const station = cell.station();
    station.manage(AUTHENTICATION, encodeAuthentication({ algorithm: 0, transaction: 1, status: 0 }));
    cell.clock.turn(10);
    station.freq = undefined;
    station.associate();
    cell.clock.turn(500);
    expect(cell.info(station)?.state).toBe('authenticated');
    expect(cell.events.at(-1)).toMatchObject({ kind: 'left', reason: 39 });
  });
});

import type { Telemetry } from '@v3vee/contracts';
import { rateBetween, ratesOf } from './rates';

const telemetry = (more: Partial<Telemetry>, receiveBytes = 0): Telemetry => ({
  vm: 'a1',
  host: 'alpha',
  exits: {},
  ports: [],
  hypercalls: [],
  yields: { quanta: 0, polls: 0, sleeps: 0, longestSleepMs: 0 },
  interruptsStuck: 0,
  instructions: 0,
  guestSeconds: 0,
  idleSeconds: 0,
  nics: [
    {
      name: 'eth0',
      mac: '02:00:00:00:00:01',
      receivePackets: 0,
      receiveBytes,
      transmitPackets: 0,
      transmitBytes: 0,
      dropped: {},
      dispatch: {} as Telemetry['nics'][number]['dispatch'],
    },
  ],
  disks: [],
  balloonBytes: 0,
  ...more,
});

describe('rates', () => {
  it('are per second that the guest computed or slept', () => {
    const before = telemetry({ guestSeconds: 10, idleSeconds: 4, exits: { halt: { count: 5 } } }, 1_000);
    const now = telemetry(
      {
        guestSeconds: 10.5,
        idleSeconds: 5.5,
        exits: { halt: { count: 9 }, timer: { count: 2 } },
        instructions: 8,
      },
      2_000,
    );
    expect(rateBetween(before, now)).toMatchObject({
      busy: 0.25,
      exits: 3,
      instructions: 4,
      exitsByKind: { halt: 2, timer: 1 },
      nics: [{ name: 'eth0', receiveBits: 4_000, transmitBits: 0 }],
    });
  });

  it('of a guest that stands still, was started anew, or is new, there are none', () => {
    const before = telemetry({ guestSeconds: 10, instructions: 9 });
    expect(rateBetween(before, before)).toBeUndefined();
    expect(rateBetween(before, telemetry({ guestSeconds: 11, instructions: 1 }))).toBeUndefined();
    expect(rateBetween(before, telemetry({ guestSeconds: 1 }))).toBeUndefined();
    expect([...ratesOf([before], [telemetry({ vm: 'b1', guestSeconds: 20 })]).keys()]).toEqual([]);
    expect([...ratesOf([before], [telemetry({ guestSeconds: 20, instructions: 9 })]).keys()]).toEqual(['a1']);
  });
});

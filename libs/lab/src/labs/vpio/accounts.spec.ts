import { defaultDmmPolicy, type DmmDevice } from '@v3vee/contracts';
import { accessesPer, offEqual, passed } from './accounts';

const none = { count: 0, minMs: 0, p50Ms: 0, p99Ms: 0, maxMs: 0 };

function device(
  rows: [register: string, open: number, shadow: number, exit: number][],
  held: Record<string, number>,
  counted: { switches?: number; forced?: number; dropped?: number } = {},
): DmmDevice {
  const { switches = 0, forced = 0, dropped = 0 } = counted;
  return {
    ...{ name: 'alpha/eth0', host: 'alpha', nic: 'eth0', model: 'ne2000', network: 'lan' },
    ...{ state: 'READY', reason: '', holder: null, waiting: [], policy: defaultDmmPolicy, hooks: [] },
    ...{ contexts: 0, violations: 0 },
    guests: Object.entries(held).map(([vm, heldMs]) => ({ vm, access: 'vpio' as const, heldMs })),
    account: {
      registers: rows.map(([register, open, shadow, exit]) => ({
        ...{ register, direction: 'write' as const, open, shadow, exit },
      })),
      ...{ exits: none, switches: { ...none, count: switches }, forced, interrupts: 0, denied: 0 },
      frames: { received: 0, transmitted: 0, held: 0, dropped, spoofed: 0 },
    },
  };
}

const before = device(
  [
    ['CR', 100, 0, 5],
    ['TBCR0', 0, 10, 0],
  ],
  { p1: 50 },
  { switches: 1 },
);

describe('what passed between two readings of an account', () => {
  it('is the growth of its counters, of registers and guests that are new to it too', () => {
    const rows: Parameters<typeof device>[0] = [
      ['CR', 400, 0, 6],
      ['TBCR0', 0, 13, 0],
      ['data port', 1000, 0, 0],
    ];
    expect(passed(before, device(rows, { p1: 80, p2: 20 }, { switches: 4, forced: 1, dropped: 2 }))).toEqual({
      accesses: { open: 1300, shadow: 3, exit: 1 },
      heldMs: { p1: 30, p2: 20 },
      ...{ switches: 3, forced: 1, dropped: 2 },
    });
  });

  it('is not known when the host did not answer or started anew', () => {
    const silent = { ...before, account: null, reason: 'host alpha does not answer' };
    expect(() => passed(before, silent)).toThrow(
      'there is no account of alpha/eth0: host alpha does not answer',
    );
    expect(() => passed(before, device([['CR', 3, 0, 0]], { p1: 60 }, { switches: 1 }))).toThrow(
      'the account of alpha/eth0 began anew',
    );
  });
});

describe('the share of accesses that needed the VMM', () => {
  const counts = { open: 270, shadow: 6, exit: 3 };

  it('is told as accesses for each of them', () => {
    expect(accessesPer(counts, ['exit'])).toBe(93);
    expect(accessesPer(counts, ['exit', 'shadow'])).toBe(31);
  });

  it('is bounded by the number of accesses where none did, and undefined without accesses', () => {
    expect(accessesPer({ open: 500, shadow: 0, exit: 0 }, ['exit'])).toBe(500);
    expect(() => accessesPer({ open: 0, shadow: 0, exit: 0 }, ['exit'])).toThrow('was not accessed');
  });
});

it('says how far two are off equal shares', () => {
  expect(offEqual(45, 55)).toBe(10);
  expect(offEqual(55, 45)).toBe(10);
  expect(offEqual(7, 7)).toBe(0);
  expect(offEqual(0, 5)).toBe(100);
  expect(() => offEqual(0, 0)).toThrow('nobody got anything');
});

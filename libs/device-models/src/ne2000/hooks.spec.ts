import assert from 'node:assert/strict';
import { hookRule, type IoAccess } from '@v3vee/contracts';
import { ne2000Model } from './model';

const { hooks, initialState, observe, checkState, describe: describeAccess, registerName } = ne2000Model;
const GUEST = { memorySize: 1 << 20 };
const after = (access: Partial<IoAccess>, state = initialState()) =>
  observe(state, { direction: 'write', offset: 0, size: 1, value: 0, page: 0, ...access }, GUEST).state;

it('hooks what cannot be read back and what sets the card up, nothing that a packet needs', () => {
  const rules = hooks(initialState());
  for (const rule of rules) expect(hookRule.parse(rule)).toEqual(rule);
  const hooked = (direction: string, offset: number) =>
    rules.filter(
      rule => rule.direction === direction && offset >= rule.offset && offset < rule.offset + rule.length,
    );
  const offsets = (direction: string, kind: string) =>
    Array.from({ length: 0x20 }, (_, i) => i).filter(i =>
      hooked(direction, i).some(rule => rule.class === kind),
    );
  const reset = [0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f];
  expect(offsets('write', 'shadow')).toEqual([0x05, 0x06]);
  expect(offsets('write', 'exit')).toEqual([0x01, 0x02, 0x0e, ...reset]);
  expect(offsets('read', 'exit')).toEqual(reset);
  expect(offsets('read', 'shadow')).toEqual([]);
});

it('opens no memory, and denies nothing', () => {
  expect(ne2000Model.windows(initialState(), GUEST)).toEqual([]);
  expect(
    observe(initialState(), { direction: 'write', offset: 1, size: 1, value: 9, page: 0 }, GUEST),
  ).toEqual({
    state: { tbcr: 0, pstart: 9, pstop: 0, dcr: 0 },
  });
});

it('learns from what is written to page 0, in whatever way', () => {
  expect(after({ offset: 1, size: 4, value: 0x40508046 })).toMatchObject({ pstart: 0x46, pstop: 0x80 });
  expect(after({ offset: 3, size: 4, value: 0x01024050 })).toMatchObject({ tbcr: 0x0102 });
  expect(after({ offset: 0x0e, size: 2, value: 0x3fc9 })).toMatchObject({ dcr: 0x49 });
  expect(after({ offset: 0x05, value: 7 }, { ...initialState(), tbcr: 0x1234 })).toMatchObject({
    tbcr: 0x1207,
  });
});

it('learns nothing from what lies at the same offsets on other pages', () => {
  for (const page of [1, 2, 3]) {
    for (const offset of [1, 2, 5, 6, 0x0e]) {
      expect(after({ offset, page, value: 0xff })).toEqual(initialState());
    }
    // CR comes first in a wide access, and turns the page
    expect(after({ size: 4, value: 0x80462100 + 0x22, page })).toMatchObject({ pstart: 0x21, pstop: 0x46 });
    expect(after({ size: 4, value: 0x80462100 + 0x62, page })).toEqual(initialState());
  }
});

it('knows that a reset clears the long address bit, if it is one', () => {
  const state = { ...initialState(), dcr: 0x4d, tbcr: 5 };
  expect(after({ direction: 'read', offset: 0x1f }, state)).toEqual({ ...state, dcr: 0x49 });
  expect(after({ direction: 'write', offset: 0x1f }, state)).toEqual(state);
  expect(after({ direction: 'read', offset: 0x1e, size: 4 }, state)).toEqual(state); // straddles: a fault
});

it('has an answer to every access', () => {
  const states = new Set<string>();
  for (const direction of ['read', 'write'] as const) {
    for (let offset = 0; offset <= 0xff; offset++) {
      for (const size of [1, 2, 4] as const) {
        for (const page of [0, 1, 2, 3]) {
          for (const value of direction === 'read' ? [0] : [0, 0x5a, 0x12345678, 0xffffffff]) {
            const access = { direction, offset, size, page, value };
            const { state, denied } = observe(initialState(), access, GUEST);
            assert.deepEqual([checkState(state), denied], [state, undefined]);
            states.add(JSON.stringify(state));
            assert.ok(registerName(access).length > 0);
            assert.equal(typeof describeAccess(access), 'string');
          }
        }
      }
    }
  }
  expect(states.size).toBeGreaterThan(10);
});

it.each([null, 7, {}, { tbcr: 1, pstart: 2, pstop: 3 }, { tbcr: 1, pstart: 2, pstop: 3, dcr: 0x80 }])(
  'refuses a state that is none: %j',
  value => {
    expect(() => checkState(value)).toThrow('context of ne2000 refused');
  },
);

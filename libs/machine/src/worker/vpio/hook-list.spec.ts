import type { HookRule } from '@v3vee/contracts';
import { Hook, HookList } from './hook-list';

const rule = (rest: Partial<HookRule>): HookRule => ({
  ...{ direction: 'write', offset: 0, length: 1, class: 'exit', register: 'R', why: 'a test' },
  ...rest,
});

/** What the words of `hookRule` say, looked up rule by rule. */
function slowly(rules: HookRule[], direction: string, offset: number, size: number, value: number): Hook {
  let strictest: Hook = Hook.open;
  for (const { when, length, offset: from, ...each } of rules) {
    if (each.direction !== direction) continue;
    for (let i = 0; i < size; i++) {
      const at = offset + i;
      if (at < from || at >= from + length) continue;
      const byte = (value >>> (8 * i)) & 0xff;
      if (when && !when.equals.includes(byte & when.mask)) continue;
      if (Hook[each.class] > strictest) strictest = Hook[each.class];
    }
  }
  return strictest;
}

it('classifies every access as its rules say, whatever its width', () => {
  const rules = [
    rule({ offset: 5, length: 2, class: 'shadow' }),
    rule({ offset: 6, length: 1 }),
    rule({ direction: 'read', offset: 0x18, length: 8 }),
    rule({ offset: 0, when: { mask: 0x3f, equals: [0x21, 0x22] } }),
    rule({ offset: 0x50, length: 1, class: 'shadow', when: { mask: 0xc0, equals: [0x80, 0xc0] } }),
    rule({ direction: 'read', offset: 0xff, length: 1, class: 'shadow' }),
  ];
  const list = new HookList(rules);
  for (const direction of ['read', 'write'] as const) {
    for (const size of [1, 2, 4]) {
      for (let offset = 0; offset + size <= 0x100; offset++) {
        for (const value of [0, 0x21, 0x2122, 0x80c0_2100, 0xffff_ffff]) {
          const expected = slowly(rules, direction, offset, size, value >>> 0);
          const found =
            direction === 'read' ? list.ofRead(offset, size) : list.ofWrite(offset, size, value >>> 0);
          expect([offset, size, found]).toEqual([offset, size, expected]);
        }
      }
    }
  }
});

it('leaves everything open without rules', () => {
  expect(new HookList().ofWrite(0x30, 4, 1)).toBe(Hook.open);
});

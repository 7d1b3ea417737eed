import { combination, typing } from './scan-codes';

const hex = (codes: number[]) => codes.map(code => code.toString(16)).join(' ');

it.each([
  ['a', '1e 9e'],
  ['A', '2a 1e 9e aa'],
  ['ctrl-alt-del', '1d 38 e0 53 e0 d3 b8 9d'],
  ['Ctrl-Alt-F1', '1d 38 3b bb b8 9d'],
  ['-', 'c 8c'],
  ['ctrl--', '1d c 8c 9d'],
  ['up', 'e0 48 e0 c8'],
])('the combination %s', (keys, codes) => {
  expect(hex(combination(keys))).toBe(codes);
});

it('types text', () => {
  expect(hex(typing('l S\n'))).toBe('26 a6 39 b9 2a 1f 9f aa 1c 9c');
  expect(typing('~/`|\\"')).toHaveLength(2 * 6 + 2 * 3);
});

it.each(['hyper-x', '', 'ctrl-é'])('refuses %j, and says what would be a key', keys => {
  expect(() => combination(keys)).toThrow('is not a key; keys are for example');
});

it('refuses a character that the keyboard does not have', () => {
  expect(() => typing('é')).toThrow(`"é" can't be typed`);
});

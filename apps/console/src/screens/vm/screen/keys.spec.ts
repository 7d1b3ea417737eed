import { combinationOf } from './keys';

const press = (key: string, held: { ctrlKey?: boolean; altKey?: boolean; shiftKey?: boolean } = {}) =>
  combinationOf({ key, ctrlKey: false, altKey: false, shiftKey: false, ...held });

describe('keys of the browser', () => {
  it.each([
    ['a', {}, 'a'],
    ['A', { shiftKey: true }, 'A'],
    ['-', {}, '-'],
    ['c', { ctrlKey: true }, 'ctrl-c'],
    ['F2', { altKey: true }, 'alt-f2'],
    ['ArrowUp', { shiftKey: true }, 'shift-up'],
    [' ', {}, 'space'],
    ['Enter', {}, 'enter'],
    ['Shift', { shiftKey: true }, undefined],
    ['ä', {}, undefined],
    ['F13', {}, undefined],
  ])('%s %j is %s', (key, held, name) => {
    expect(press(key, held)).toBe(name);
  });

  it('are not taken while something is composed', () => {
    const held = { ctrlKey: false, altKey: false, shiftKey: false };
    expect(combinationOf({ key: 'a', ...held, isComposing: true })).toBeUndefined();
  });
});

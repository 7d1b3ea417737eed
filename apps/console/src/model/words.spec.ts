import { haveAll, wordsOf } from './words';

describe('a filter', () => {
  it('wants all of its words, in whichever of the texts, however they are written', () => {
    expect(wordsOf('  Alpha  RUNNING ')).toEqual(['alpha', 'running']);
    expect(haveAll(wordsOf('Alpha run'), 'a1', 'alpha', 'RUNNING')).toBe(true);
    expect(haveAll(wordsOf('alpha beta'), 'a1', 'alpha')).toBe(false);
    expect(haveAll(wordsOf('a b'), 'a', 'b')).toBe(true);
    expect(haveAll(wordsOf(' '), 'anything')).toBe(true);
  });
});

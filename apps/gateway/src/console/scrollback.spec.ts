import { unseen } from './scrollback';

const bytes = (text: string) => Buffer.from(text);
const left = (scrollback: string, ...live: string[]) =>
  unseen(bytes(scrollback), live.map(bytes)).map(part => Buffer.from(part).toString());

describe('what a console’s scrollback does not hold yet', () => {
  it('is all of it when none was published before', () => {
    expect(left('login: ', 'ro', 'ot')).toEqual(['ro', 'ot']);
    expect(left('', 'a')).toEqual(['a']);
    expect(left('login: ')).toEqual([]);
  });

  it('is nothing when all was', () => {
    expect(left('login: root', 'ro', 'ot')).toEqual([]);
  });

  it('is what came after, at every place where the two may meet', () => {
    const live = ['one ', 'two ', 'three ', 'four'];
    for (let seen = 0; seen <= live.length; seen++) {
      const scrollback = `before ${live.slice(0, seen).join('')}`;
      expect(left(scrollback, ...live)).toEqual(live.slice(seen));
    }
  });

  it('is found also when more was published than the scrollback holds', () => {
    expect(left('lo', 'hel', 'lo', '!')).toEqual(['!']);
  });
});

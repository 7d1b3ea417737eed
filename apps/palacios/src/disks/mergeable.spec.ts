import { mergeable, type Chains } from './mergeable';

const of = (chains: Partial<Chains>) => mergeable({ disks: [], snapshots: [], pinned: [], ...chains });

describe('two layers become one', () => {
  it('where the snapshots that told them apart are gone', () => {
    expect(of({ disks: [['top', 'b', 'a']], snapshots: [['b', 'a']] })).toEqual({ upper: 'b', lower: 'a' });
    expect(of({ disks: [['top', 'c', 'b', 'a']], snapshots: [['c', 'b', 'a']] })).toEqual({
      upper: 'c',
      lower: 'b',
    });
  });

  it.each<[string, Partial<Chains>]>([
    ['a snapshot begins with the lower one', { disks: [['top', 'b', 'a']], snapshots: [['b', 'a'], ['a']] }],
    ['the upper one is written', { disks: [['top', 'a']], snapshots: [['a']] }],
    ['the upper one may still be written', { disks: [['top', 'b', 'a']] }],
    [
      'another disk has the lower one without it',
      {
        disks: [
          ['top', 'b', 'a'],
          ['other', 'a'],
        ],
        snapshots: [['b', 'a']],
      },
    ],
    [
      'another has something else below',
      {
        snapshots: [
          ['c', 'b', 'a'],
          ['b', 'x'],
        ],
      },
    ],
    ['it is an image', { disks: [['top', 'b', 'a']], snapshots: [['b', 'a']], pinned: [['a']] }],
    [
      'the upper one is an image',
      { disks: [['top', 'b', 'a']], snapshots: [['b', 'a']], pinned: [['b', 'a']] },
    ],
    ['there is nothing', {}],
  ])('but not where %s', (_, chains) => {
    expect(of(chains)).toBeUndefined();
  });
});

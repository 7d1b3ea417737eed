import { Epochs } from './epochs';

describe('epochs', () => {
  it('grow', () => {
    const epochs = new Epochs();
    expect([1, 1, 3, 2, 3, 4].map(epoch => epochs.heard('a', epoch))).toEqual([
      ...['newer', 'same', 'newer', 'stale', 'same', 'newer'],
    ]);
    expect(epochs.heard('b', 1)).toBe('newer');
  });

  it('of VMs that were not heard of for long are forgotten', () => {
    const epochs = new Epochs();
    epochs.heard('old', 5);
    for (let n = 0; n < 9_999; n++) epochs.heard(`vm ${n}`, 1);
    expect(epochs.heard('old', 4)).toBe('stale');
    expect(epochs.heard('old', 5)).toBe('same');
    for (let n = 0; n < 10_000; n++) epochs.heard(`vm ${n}`, 1);
    expect(epochs.heard('old', 4)).toBe('newer');
  });
});

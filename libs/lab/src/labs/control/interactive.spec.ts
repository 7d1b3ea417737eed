import { framesPerSecond, intervals, interactiveAt } from './interactive';

describe('a page is interactive', () => {
  it('when its content is there, if it is quiet from then on', () => {
    expect(interactiveAt(400, [], 6_000)).toBe(400);
    expect(interactiveAt(400, [[100, 350]], 6_000)).toBe(400);
  });
  it('when a task that was under way, or came soon after, has ended', () => {
    expect(interactiveAt(400, [[350, 700]], 6_000)).toBe(700);
    expect(
      interactiveAt(
        400,
        [
          [3_000, 3_100],
          [350, 700],
        ],
        9_000,
      ),
    ).toBe(3_100);
  });
  it('before tasks that come after a quiet window', () => {
    expect(interactiveAt(400, [[5_400, 5_500]], 6_000)).toBe(400);
  });
  it('not yet, while it was not quiet for long enough', () => {
    expect(interactiveAt(400, [[3_000, 3_100]], 8_000)).toBeUndefined();
  });
});

describe('frames', () => {
  it('a second are counted between the first and the last', () => {
    expect(framesPerSecond([0, 20, 40, 60, 100])).toBe(40);
    expect(intervals([0, 20, 60])).toEqual([20, 40]);
    expect(() => framesPerSecond([1])).toThrow(RangeError);
  });
});

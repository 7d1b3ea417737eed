import { accessibilityScore, weightOf, type Rule } from './accessibility-score';

const rule = (impact: Rule['impact'], ...tags: string[]): Rule => ({ impact, tags });

describe('the accessibility score', () => {
  it.each([
    [10, rule('critical', 'cat.aria', 'wcag2a', 'wcag412')],
    [7, rule('serious', 'wcag22aa')],
    [1, rule('minor', 'wcag2a')],
    [3, rule('moderate', 'best-practice')],
    [0, rule('minor', 'best-practice')],
    [0, rule('serious', 'wcag2aaa')],
    [0, rule('critical', 'wcag2a', 'experimental')],
  ])('weighs %d: %o', (weight, of) => {
    expect(weightOf(of)).toBe(weight);
  });

  it('is the share of the weight that is kept', () => {
    const critical = rule('critical', 'wcag2a');
    expect(accessibilityScore([critical, critical], [])).toBe(100);
    expect(
      accessibilityScore([critical, critical], [rule('serious', 'wcag2aa'), rule('moderate', 'wcag2a')]),
    ).toBeCloseTo(66.7, 1);
    expect(() => accessibilityScore([], [])).toThrow(RangeError);
  });
});

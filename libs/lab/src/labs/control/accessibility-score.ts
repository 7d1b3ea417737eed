export interface Rule {
  impact: 'minor' | 'moderate' | 'serious' | 'critical' | null;
  tags: readonly string[];
}

const weights = { minor: 1, moderate: 3, serious: 7, critical: 10 } as const;

/**
 * A rule's weight as Lighthouse's accessibility category has it: by its impact; none of what is experimental or of
 * WCAG's level AAA, or of best practices with minor impact.
 */
export function weightOf({ impact, tags }: Rule): number {
  if (impact === null || tags.includes('experimental')) return 0;
  const isWcag = tags.some(tag => /^wcag\d+a{1,2}$/.test(tag));
  const isBestPractice = tags.includes('best-practice');
  return isWcag || (isBestPractice && impact !== 'minor') ? weights[impact] : 0;
}

/** Of the rules that apply to a page, by weight, those that it keeps: 100 is all. */
export function accessibilityScore(passed: readonly Rule[], violated: readonly Rule[]): number {
  const sum = (rules: readonly Rule[]) => rules.reduce((total, rule) => total + weightOf(rule), 0);
  const all = sum(passed) + sum(violated);
  if (all === 0) throw new RangeError('no rule applied to this page');
  return (100 * sum(passed)) / all;
}

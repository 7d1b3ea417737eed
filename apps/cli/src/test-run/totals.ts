/** What a test run comes to. */
export interface Totals {
  passed: number;
  failed: number;
  skipped: number;
  /** What failed, in words for a person. */
  failures: string[];
}

export const nothing = (): Totals => ({ passed: 0, failed: 0, skipped: 0, failures: [] });

export function add(a: Totals, b: Totals): Totals {
  return {
    passed: a.passed + b.passed,
    failed: a.failed + b.failed,
    skipped: a.skipped + b.skipped,
    failures: [...a.failures, ...b.failures],
  };
}

export function failure(what: string): Totals {
  return { passed: 0, failed: 1, skipped: 0, failures: [what] };
}

/** The closing line. */
export function formatTotals({ passed, failed, skipped }: Totals): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

/** The parts we read of what `jest --json` writes. */
interface JestResult {
  testResults: {
    name: string;
    status: string;
    message: string;
    assertionResults: { status: string; fullName: string }[];
  }[];
}

/**
 * Counts every test of a jest run. A file that failed without a failed test (it does not load, or its clean-up
 * failed) is a failure of its own: jest's totals leave it out.
 */
export function countJest(result: JestResult, root: string): Totals {
  return result.testResults
    .map(file => countFile(file, file.name.replace(`${root}/`, '')))
    .reduce(add, nothing());
}

function countFile(file: JestResult['testResults'][number], name: string): Totals {
  const totals = nothing();
  for (const { status, fullName } of file.assertionResults) {
    if (status === 'passed') totals.passed++;
    else if (status === 'failed') {
      totals.failed++;
      totals.failures.push(`${name}: ${fullName}`);
    } else totals.skipped++; // pending, todo, disabled
  }
  if (file.status === 'failed' && totals.failed === 0) {
    return add(totals, failure(`${name}: the file itself: ${file.message.trim().split('\n')[0] ?? ''}`));
  }
  return totals;
}

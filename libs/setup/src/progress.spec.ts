import { createProgress } from './progress';

const record = (options: { isTTY?: boolean; columns?: number }) => {
  let text = '';
  const stream = { ...options, write: (part: string) => (text += part) };
  return { progress: createProgress(stream), written: () => text };
};

describe('createProgress', () => {
  it('rewrites one line on a terminal and removes it at the end', () => {
    const { progress, written } = record({ isTTY: true, columns: 40 });
    progress.step('Fetching');
    progress.update('3 of 9');
    progress.done();
    expect(written()).toBe('\r\x1b[KFetching\r\x1b[KFetching: 3 of 9\r\x1b[K');
  });

  it('cuts what would wrap: a wrapped line cannot be rewritten', () => {
    const { progress, written } = record({ isTTY: true, columns: 20 });
    progress.step('a title that is far too long for this terminal');
    expect(written()).toBe('\r\x1b[Ka title that is fa…');
  });

  it('writes one line per step elsewhere', () => {
    const { progress, written } = record({});
    progress.step('Fetching');
    progress.update('3 of 9');
    progress.step('Building');
    progress.done();
    expect(written()).toBe('Fetching\nBuilding\n');
  });
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkoutRoot } from '@v3vee/setup';
import { endLeftovers, findLeftovers, RUN_VARIABLE } from './leftovers';
import { check, jest as jestStage } from './stages';
import { add, countJest, formatTotals, nothing } from './totals';

describe('totals', () => {
  it('closes with one line', () => {
    expect(formatTotals({ passed: 3, failed: 0, skipped: 0, failures: [] })).toBe('3 passed, 0 failed');
    expect(formatTotals({ passed: 3, failed: 1, skipped: 2, failures: [] })).toBe(
      '3 passed, 1 failed, 2 skipped',
    );
  });

  it('adds up', () => {
    const one = { passed: 1, failed: 2, skipped: 3, failures: ['a'] };
    expect(add(one, { ...one, failures: ['b'] })).toEqual({
      passed: 2,
      failed: 4,
      skipped: 6,
      failures: ['a', 'b'],
    });
    expect(add(nothing(), one)).toEqual(one);
  });

  it('counts skipped, todo and files that do not load', () => {
    const totals = countJest(
      {
        testResults: [
          {
            name: '/x/libs/a.spec.ts',
            status: 'failed',
            message: '',
            assertionResults: [
              { status: 'passed', fullName: 'a works' },
              { status: 'failed', fullName: 'b works' },
              { status: 'todo', fullName: 'c' },
              { status: 'pending', fullName: 'd' },
            ],
          },
          {
            name: '/x/libs/b.spec.ts',
            status: 'failed',
            message: '  ● Cannot find module\n more',
            assertionResults: [],
          },
        ],
      },
      '/x',
    );
    expect(totals).toEqual({
      passed: 1,
      failed: 2,
      skipped: 2,
      failures: ['libs/a.spec.ts: b works', 'libs/b.spec.ts: the file itself: ● Cannot find module'],
    });
  });
});

describe('stages', () => {
  let folder: string;
  const signal = new AbortController().signal;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'v3-stages-'));
    symlinkSync(join(checkoutRoot, 'node_modules'), join(folder, 'node_modules'));
    writeFileSync(join(folder, 'jest.config.js'), `module.exports = { rootDir: ${JSON.stringify(folder)} };`);
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  // What these small runs report would look like failures of ours.
  const report = openSync('/dev/null', 'w');
  afterAll(() => closeSync(report));
  const context = (env = process.env) => ({ checkout: folder, env: { ...env, CI: 'true' }, signal, report });
  const test = (name: string, body: string) => writeFileSync(join(folder, name), body);

  it('gives the true totals of a real jest', async () => {
    test(
      'a.test.js',
      `it('one', () => {}); it('two', () => { throw new Error('no'); }); it.skip('three', () => {}); it.todo('four');`,
    );
    test('b.test.js', `require('./missing');`);
    test('c.test.js', `it('fine', () => {}); afterAll(() => { throw new Error('clean-up'); });`);
    const totals = await jestStage('tests', 'jest.config.js', []).run(context());
    expect(totals).toMatchObject({ passed: 2, failed: 3, skipped: 2 });
    expect(totals.failures.sort()).toEqual([
      'a.test.js: two',
      expect.stringContaining('b.test.js: the file itself:'),
      expect.stringContaining('c.test.js: the file itself:'),
    ]);
  });

  it('has nothing to say where no file matches', async () => {
    test('a.test.js', `it('one', () => {});`);
    expect(await jestStage('tests', 'jest.config.js', ['zzz']).run(context())).toEqual(nothing());
  });

  it('counts a jest that cannot run at all as failed', async () => {
    test('jest.config.js', 'module.exports = { preset: "no-such-preset" };');
    expect(await jestStage('tests', 'jest.config.js', []).run(context())).toMatchObject({
      passed: 0,
      failed: 1,
    });
  });

  it('counts a check as one test', async () => {
    test('good.js', 'const a = 1;\n');
    expect(await check('format', 'prettier', ['--check', 'good.js']).run(context())).toMatchObject({
      passed: 1,
    });
    test('bad.js', 'const   a=1');
    expect(await check('format', 'prettier', ['--check', 'bad.js']).run(context())).toMatchObject({
      failed: 1,
      failures: ['format: "npx prettier --check bad.js" failed'],
    });
  });

  it('ends a program and its children when it is interrupted', async () => {
    const controller = new AbortController();
    test('hang.test.js', `it('hangs', () => new Promise(() => {}), 600000);`);
    const run = `stage-${process.pid}`;
    const running = jestStage('tests', 'jest.config.js', []).run({
      ...context({ ...process.env, [RUN_VARIABLE]: run }),
      signal: controller.signal,
    });
    while (findLeftovers(run).length === 0) await new Promise(setImmediate);
    controller.abort();
    await running;
    await endLeftovers(run);
    expect(findLeftovers(run)).toEqual([]);
  });
});

describe('leftovers', () => {
  it('finds what a run left, however far down, and ends it', async () => {
    const run = `leftover-${process.pid}`;
    // The child ends and leaves a grandchild that ignores SIGTERM.
    const stubborn = `process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); console.log('up');`;
    const child = spawn(
      process.execPath,
      [
        '-e',
        `const c = require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(stubborn)}], { detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
         c.stdout.once('data', () => process.exit());`,
      ],
      { env: { ...process.env, [RUN_VARIABLE]: run }, stdio: 'ignore' },
    );
    await once(child, 'exit');
    expect(findLeftovers(run).map(({ command }) => command)).toEqual([expect.stringContaining('SIGTERM')]);
    expect(findLeftovers('another')).toEqual([]);
    await endLeftovers(run);
    expect(findLeftovers(run)).toEqual([]);
  });
});

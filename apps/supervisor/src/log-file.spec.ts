import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lastWords, LogFile } from './log-file';

describe('LogFile', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'v3-log-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  it('stays bounded while a process that has it open goes on writing', () => {
    const log = new LogFile(join(folder, 'logs', 'a.log'), 1000);
    const write = (text: string) =>
      spawnSync('echo', [text], { stdio: ['ignore', log.descriptor, 'ignore'] });
    write('x'.repeat(900));
    expect(log.rotateIfLarge()).toBe(false);
    write('y'.repeat(200));
    expect(log.rotateIfLarge()).toBe(true);
    write('after');
    expect(readFileSync(log.path, 'utf8')).toBe('after\n');
    expect(readFileSync(`${log.path}.1`, 'utf8')).toBe(`${'x'.repeat(900)}\n${'y'.repeat(200)}\n`);
    log.close();
  });

  it('is for its user alone', () => {
    const log = new LogFile(join(folder, 'logs', 'a.log'));
    expect(statSync(log.path).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'logs')).mode & 0o777).toBe(0o700);
    log.close();
  });

  it('reads what was written since, also after a rotation', () => {
    const log = new LogFile(join(folder, 'a.log'), 10);
    const write = (text: string) =>
      spawnSync('echo', [text], { stdio: ['ignore', log.descriptor, 'ignore'] });
    write('one');
    const since = log.size;
    write('two is long');
    expect(log.readFrom(since)).toBe('two is long\n');
    log.rotateIfLarge();
    expect(log.readFrom(since)).toBe('');
    log.close();
  });
});

describe('lastWords', () => {
  it.each([
    ['{"level":50,"msg":"lost"}\n{"level":30,"msg":"bye"}\n', 'lost'],
    ['{"level":50,"msg":"query","err":{"message":"no table"}}\n', 'query: no table'],
    ['Error: boom\n    at x\n    at y\n', 'Error: boom'],
    ['hello\nworld\n', 'world'],
    ['', ''],
  ])('%j → %j', (log, words) => expect(lastWords(log)).toBe(words));
});

import { appendFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatLogLine, parseLogLine } from './log-line';
import { LogReader, LogView } from './log-view';

describe('log lines', () => {
  const format = (line: string) => formatLogLine(parseLogLine(line));

  it('of our services are made readable', () => {
    const entry = {
      level: 40,
      time: 0,
      pid: 1,
      hostname: 'x',
      name: 'kitten',
      msg: 'no memory',
      task: 'vm/1',
      free: 3,
    };
    expect(format(JSON.stringify(entry))).toBe('00:00:00.000 warn  no memory task=vm/1 free=3');
    expect(format('{"level":50,"time":0,"msg":"query","err":{"message":"no table"}}')).toBe(
      '00:00:00.000 error query no table',
    );
  });

  it.each([
    ['[1] 2026/01/01 00:00:00.0 [INF] Server is ready', 30],
    ['[1] 2026/01/01 00:00:00.0 [ERR] disk', 50],
    ['2026-01-01 00:00:00.000 UTC [1] LOG:  starting', 30],
    ['2026-01-01 00:00:00.000 UTC [1] FATAL:  the database system is starting up', 30],
    ['2026-01-01 00:00:00.000 UTC [1] ERROR:  no such table', 50],
    ['TypeError: x is not a function', 40],
    ['{"no": "entry"}', 40],
    ['{broken', 40],
  ])('%s → level %i', (line, level) => expect(parseLogLine(line).level).toBe(level));

  it('never steer the terminal', () => {
    expect(format('a\x1b[2Jb\r')).toBe('a [2Jb ');
  });
});

describe('logs', () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'v3-logs-'));
    file = join(folder, 'kitten.log');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('are read line by line, a line that is still being written later', async () => {
    const reader = new LogReader(file);
    expect(await reader.read()).toEqual([]);
    writeFileSync(file, 'one\ntwo\nthr');
    expect(await reader.read()).toEqual(['one', 'two']);
    expect(await reader.read()).toEqual([]);
    appendFileSync(file, 'ee ä\n\nfour\n');
    expect(await reader.read()).toEqual(['three ä', '', 'four']);
  });

  it('go on after a rotation', async () => {
    const reader = new LogReader(file);
    writeFileSync(file, 'a long line before\n');
    await reader.read();
    truncateSync(file, 0);
    appendFileSync(file, 'after\n');
    expect(await reader.read()).toEqual(['after']);
  });

  it('with a line beyond all measure do not stand still', async () => {
    const reader = new LogReader(file);
    writeFileSync(file, `${'x'.repeat(2 ** 20 + 5)}\nend\n`);
    const lines = [...(await reader.read()), ...(await reader.read())];
    expect(lines.map(line => line.length)).toEqual([2 ** 20, 5, 3]);
  });

  it('show what matters from now on, with the name of the service', async () => {
    const shown: string[] = [];
    writeFileSync(file, '{"level":50,"time":0,"msg":"earlier"}\n');
    let arrived: () => void = () => {};
    const first = new Promise<void>(resolve => (arrived = resolve));
    const view = new LogView(folder, line => {
      shown.push(line);
      arrived();
    });
    await view.follow();
    appendFileSync(
      file,
      '{"level":30,"time":0,"msg":"chatter"}\n{"level":40,"time":0,"msg":"low on memory"}\n',
    );
    await first;
    view.stop();
    expect(shown).toEqual(['kitten             00:00:00.000 warn  low on memory']);
  });
});

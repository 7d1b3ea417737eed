import { Duplex, PassThrough } from 'node:stream';
import { attach } from './attach';
import { coloursWanted, paint } from './colour';
import { createTaskProgress } from './progress';
import { formatAge, formatBytes, formatMiB } from './quantities';
import { formatFields, formatTable, type Column } from './table';

interface Item {
  name: string;
  note: string;
}
const columns: Column<Item>[] = [
  { title: 'NAME', value: item => item.name },
  { title: 'NOTE', value: item => item.note, paint: text => `\x1b[31m${text}\x1b[39m` },
  { title: 'LAST', value: () => 7 },
];

describe('tables', () => {
  it('are as wide as their widest cells, colours not counted', () => {
    expect(
      formatTable(
        [
          { name: 'a', note: 'x' },
          { name: 'longer', note: '' },
        ],
        columns,
      ),
    ).toBe(
      ['NAME    NOTE  LAST', 'a       \x1b[31mx\x1b[39m     7', 'longer  \x1b[31m-\x1b[39m     7'].join('\n'),
    );
  });

  it('let no cell steer the terminal or break the line', () => {
    const text = formatTable([{ name: 'a\nb\x1b[2J\u009b', note: 'x' }], columns.slice(0, 1));
    expect(text).toBe('NAME\na b [2J');
  });

  it('show one item as fields', () => {
    expect(formatFields({ name: 'a1', note: 'x' }, columns.slice(0, 1))).toBe('Name:  a1');
  });
});

describe('quantities', () => {
  const now = Date.parse('2026-01-10T00:00:00Z');
  it.each([
    ['2026-01-10T00:00:00Z', '0s'],
    ['2026-01-10T00:00:05Z', '0s'], // a clock that is ahead
    ['2026-01-09T23:58:55Z', '1m5s'],
    ['2026-01-06T20:59:59Z', '3d3h'],
  ])('age of %s is %s', (since, age) => expect(formatAge(since, now)).toBe(age));

  it('prints bytes and memory in binary units', () => {
    expect([0, 1023, 1536, 200 * 2 ** 20, 5 * 2 ** 40].map(formatBytes)).toEqual([
      '0 B',
      '1023 B',
      '1.5 KiB',
      '200 MiB',
      '5120 GiB',
    ]);
    expect([64, 1024, 1536].map(formatMiB)).toEqual(['64MiB', '1GiB', '1536MiB']);
  });
});

describe('colours', () => {
  it.each([
    [{ isTTY: true }, {}, true],
    [{ isTTY: true }, { NO_COLOR: '' }, true],
    [{ isTTY: true }, { NO_COLOR: '1' }, false],
    [{ isTTY: true }, { TERM: 'dumb' }, false],
    [{ isTTY: false }, {}, false],
    [{}, {}, false],
  ])('on %j with %j: %s', (stream, env, wanted) => expect(coloursWanted(stream, env)).toBe(wanted));

  it('leaves text alone where nobody sees colours', () => expect(paint('x', 'red', {})).toBe('x'));
});

describe('progress', () => {
  const record = (isTTY: boolean, columns?: number) => {
    const written: string[] = [];
    return { written, stream: { isTTY, columns, write: (text: string) => written.push(text) } };
  };

  it('prints a line for each step where there is no terminal', () => {
    const { written, stream } = record(false);
    const progress = createTaskProgress(stream);
    progress.step('one');
    progress.update('half');
    progress.step('two');
    progress.done();
    expect(written).toEqual(['one\n', 'two\n']);
  });

  it('prints nothing but what stays where it is to be quiet', () => {
    const { written, stream } = record(false);
    const progress = createTaskProgress(stream, { quiet: true });
    progress.step('one');
    progress.line('a result');
    progress.done();
    expect(written).toEqual(['a result\n']);
  });

  it('rewrites one line on a terminal, never longer than it, and removes it at the end', () => {
    const { written, stream } = record(true, 30);
    const progress = createTaskProgress(stream);
    progress.step('x'.repeat(100));
    progress.update('detail');
    progress.done();
    expect(written.every(text => text.startsWith('\r\x1b[K'))).toBe(true);
    expect(Math.max(...written.map(text => text.length - '\r\x1b[K'.length))).toBeLessThan(30);
    expect(written.at(-1)).toBe('\r\x1b[K');
  });

  it('survives a terminal that does not know its width', () => {
    const { written, stream } = record(true, 0);
    const progress = createTaskProgress(stream);
    progress.step('fetching packages');
    progress.done();
    expect(written[0]).toContain('fetching packages');
  });
});

describe('attach', () => {
  /** Both ends of a connection to a console. */
  function connection() {
    const toGuest = new PassThrough();
    const fromGuest = new PassThrough();
    return { toGuest, fromGuest, stream: Duplex.from({ readable: fromGuest, writable: toGuest }) };
  }
  function terminal() {
    const modes: boolean[] = [];
    const input = Object.assign(new PassThrough(), {
      isTTY: true,
      setRawMode: (raw: boolean) => modes.push(raw),
    });
    return { input, modes };
  }
  const collect = (stream: PassThrough) => {
    const parts: Buffer[] = [];
    stream.on('data', (part: Buffer) => parts.push(part));
    return () => Buffer.concat(parts).toString('latin1');
  };

  it('sends keys as they are, Ctrl-C too, until Ctrl-], and restores the terminal', async () => {
    const { toGuest, fromGuest, stream } = connection();
    const { input, modes } = terminal();
    const output = new PassThrough();
    const shown = collect(output);
    const sent = collect(toGuest);
    const done = attach(stream, input, output);
    fromGuest.write('login: ');
    input.write('ro\x03ot\r');
    await new Promise(resolve => output.once('data', resolve));
    input.write('x\x1dnot sent');
    expect(await done).toBe('escaped');
    expect(sent()).toBe('ro\x03ot\rx');
    expect(shown()).toBe('login: \r\n');
    expect(modes).toEqual([true, false]);
  });

  it('ends when the other side closes, and restores the terminal', async () => {
    const { fromGuest, stream } = connection();
    const { input, modes } = terminal();
    const done = attach(stream, input, new PassThrough());
    fromGuest.end();
    expect(await done).toBe('closed');
    expect(modes).toEqual([true, false]);
  });

  it('sends piped input with any byte in it, and ends when the answer is over', async () => {
    const { toGuest, fromGuest, stream } = connection();
    const input = new PassThrough();
    const output = new PassThrough();
    const shown = collect(output);
    const sent = collect(toGuest);
    const done = attach(stream, input, output);
    toGuest.once('data', () => fromGuest.write('Linux\r\n'));
    input.end('uname\n\x1d');
    expect(await done).toBe('silent');
    expect(sent()).toBe('uname\n\x1d');
    expect(shown()).toBe('Linux\r\n');
  });
});

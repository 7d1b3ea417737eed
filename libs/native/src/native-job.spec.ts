import { readFile } from 'node:fs/promises';
import { BinaryLoader, GATE_BYTES, NativeJob, programPath, type JobEnd, type ProgramName } from '.';
import { binary, op, printer, type BinaryParts } from './testing/binary.fixture';

const loader = new BinaryLoader();
const started: NativeJob[] = [];
afterEach(async () => {
  for (const job of started) job.kill('the test is over');
  await Promise.all(started.splice(0).map(job => job.ended));
});

interface Run {
  ranks?: number;
  memoryMiB?: number;
  timeLimitMs?: number;
  args?: string[];
  env?: Record<string, string>;
  closed?: boolean;
}
const gate = (open = true): SharedArrayBuffer => {
  const shared = new SharedArrayBuffer(GATE_BYTES);
  new Int32Array(shared)[0] = open ? 1 : 0;
  return shared;
};
async function start(what: BinaryParts | Uint8Array, run: Run = {}) {
  const { ranks = 1, memoryMiB = 1, timeLimitMs = 60_000, args = [], env, closed } = run;
  const gates = Array.from({ length: ranks }, () => gate(!closed));
  const loaded = await loader.load(what instanceof Uint8Array ? what : binary(what));
  const memoryBytes = memoryMiB << 20;
  const job = new NativeJob({
    binary: loaded,
    memoryBytes,
    gates,
    args: ['test', ...args],
    env,
    timeLimitMs,
  });
  started.push(job);
  return { job, gates };
}
const ended = async (what: BinaryParts, run?: Run): Promise<JobEnd> => (await start(what, run)).job.ended;
const printed = ({ output }: NativeJob): string =>
  Array.from({ length: output.length }, (_, i) => Buffer.from(output.piece(i).data).toString()).join('');
async function program(name: ProgramName, args: string[], run: Run = {}) {
  const { job } = await start(await readFile(programPath(name)), { memoryMiB: 16, ...run, args });
  return { end: await job.ended, text: printed(job) };
}

describe('a native job', () => {
  it('ends well when all its ranks do, with what they printed', async () => {
    const { job } = await start(printer('hello\n'), { ranks: 2 });
    expect(await job.ended).toEqual({ state: 'COMPLETED' });
    expect(printed(job)).toBe('hello\nhello\n');
    expect([job.output.piece(0).rank, job.output.piece(1).rank].sort()).toEqual([0, 1]);
  });

  it('fails as a whole when one rank does: which, why, and the others are ended', async () => {
    // Rank 1 ends with 3; rank 0 would go on for ever.
    const end = await ended(
      {
        imports: ['rank', 'proc_exit'],
        code: [[...op.call(0), 0x04, 0x40, ...op.i32(3), ...op.call(1), 0x0b], op.forever],
      },
      { ranks: 2 },
    );
    expect(end).toEqual({ state: 'FAILED', reason: 'it ended with exit code 3', rank: 1, exitCode: 3 });
  });

  it.each<[string, BinaryParts, string]>([
    ['traps', { code: [op.unreachable] }, 'it trapped: unreachable'],
    [
      'leaves its memory',
      { code: [op.i32(-8), op.load, op.drop] },
      'it trapped: memory access out of bounds',
    ],
    ['calls itself for ever', { code: [op.call(0)] }, 'it trapped: stack overflow'],
    [
      'floods its output',
      {
        ...printer('x'.repeat(1000)),
        code: [op.loop(...printer('x'.repeat(1000)).code.map(part => [...part]))],
      },
      'prints more than 1048576 bytes',
    ],
    [
      'prints from where it has no memory',
      {
        imports: ['fd_write'],
        code: [[...op.i32(1), ...op.i32(-16), ...op.i32(1), ...op.i32(32)], op.call(0), op.drop],
      },
      'outside the bounds',
    ],
  ])('that %s fails with the reason', async (_, parts, reason) => {
    const end = await ended(parts);
    expect(end).toMatchObject({ state: 'FAILED', rank: 0, exitCode: null });
    expect((end as { reason: string }).reason).toContain(reason);
  });

  it('that loops for ever ends at its time limit, and another one does not notice', async () => {
    const good = await start(printer('hello\n'), { closed: true });
    const end = await ended({ code: [op.forever] }, { timeLimitMs: 300 });
    expect(end).toEqual({ state: 'KILLED', reason: 'it ran longer than its time limit of 0.3 s' });
    const word = new Int32Array(good.gates[0]!);
    Atomics.store(word, 0, 1);
    Atomics.notify(word, 0);
    expect(await good.job.ended).toEqual({ state: 'COMPLETED' });
  });

  it('is killed at a barrier, and while its gate is closed', async () => {
    const waiting = await start(
      { imports: ['rank', 'barrier'], code: [op.call(1), op.forever] },
      { ranks: 2, closed: true },
    );
    waiting.job.kill('enough');
    expect(await waiting.job.ended).toEqual({ state: 'KILLED', reason: 'enough' });
  });

  it('does not wait for a rank that has ended', async () => {
    const end = await ended(
      { imports: ['rank', 'barrier'], code: [[...op.call(0), 0x04, 0x40, ...op.call(1), 0x0b]] },
      { ranks: 2 },
    );
    expect(end).toMatchObject({ state: 'FAILED', rank: 1 });
    expect((end as { reason: string }).reason).toContain('waits at a barrier for a rank that has ended');
  });

  it.each([
    [Buffer.from('#!/bin/sh\n'), 'it is not a WebAssembly binary'],
    [Buffer.alloc((4 << 20) + 1), 'it has 4194305 bytes; at most 4194304 are taken'],
  ])('is none of a file that is no binary', async (file, message) => {
    await expect(loader.load(file)).rejects.toMatchObject({
      code: 'JOB_BINARY_INVALID',
      message: expect.stringContaining(message),
    });
  });

  it('needs the memory that its binary begins with', async () => {
    await expect(start({ memoryPages: 33, code: [] }, { memoryMiB: 2 })).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
      message: 'the binary needs 3 MiB of memory to begin with; a rank would have 2 MiB',
    });
  });

  it('stands still while its gate is closed, in the middle of a loop', async () => {
    const { job, gates } = await start({ code: [op.forever] });
    const [word, waits] = [new Int32Array(gates[0]!, 0, 1), new Int32Array(gates[0]!, 4, 1)];
    const until = async (condition: () => boolean) => {
      while (!condition()) await new Promise(resolve => setImmediate(resolve));
    };
    const used = () => Atomics.load(new BigInt64Array(gates[0]!, 8, 1), 0);
    await until(() => used() > 0n);
    Atomics.store(word, 0, 0);
    await until(() => Atomics.load(waits, 0) === 1);
    const stood = used();
    Atomics.store(word, 0, 1);
    Atomics.notify(word, 0);
    await until(() => used() > stood && Atomics.load(waits, 0) === 0);
    job.kill('seen');
    expect(await job.ended).toEqual({ state: 'KILLED', reason: 'seen' });
  });

  describe('SMARTMAP', () => {
    const address = (rank: number, offset: number) => (BigInt(rank + 1) << 39n) + BigInt(offset);
    const store = (at: number, value: number[]) => [...op.i32(at), ...value, ...op.store];
    const exitWith = (value: number[]) => [...value, ...op.call(0)];
    const imports = ['proc_exit', 'rank', 'barrier', 'smartmap_read', 'smartmap_write'];

    it('reads and writes the memory of another rank of the job', async () => {
      // Each rank writes 7 + rank at 100 of rank 0's or 1's memory: the other's; then ends with what it finds in its own.
      const other = (call: number) => [
        ...[...op.call(1), 0x04, 0x7f], // if (rank) → i32
        ...[...op.i64(address(0, 100)), ...op.i32(16), ...op.i32(4), ...op.call(call), 0x05],
        ...[...op.i64(address(1, 100)), ...op.i32(16), ...op.i32(4), ...op.call(call), 0x0b],
      ];
      const end = await ended(
        {
          imports,
          code: [
            store(16, [...op.i32(7), ...op.call(1), 0x6a]),
            [...other(4), ...op.drop],
            op.call(2),
            // what it has itself is 7 + the other: rank 0 finds 8, rank 1 finds 7
            exitWith([...op.i32(100), ...op.load, ...op.call(1), 0x6a, ...op.i32(8), 0x6b]),
          ],
        },
        { ranks: 2 },
      );
      expect(end).toEqual({ state: 'COMPLETED' });
    });

    it.each<[string, bigint, number]>([
      ['a rank that is not there', address(2, 0), 4],
      ['address 0', 0n, 4],
      ['beyond a rank’s memory', address(1, (1 << 20) - 2), 4],
      ['a negative address', -1n, 4],
      ['more than there is', address(1, 0), -1],
    ])('of %s is refused with EFAULT', async (_, from, length) => {
      const end = await ended(
        {
          imports,
          code: [exitWith([...op.i64(from), ...op.i32(16), ...op.i32(length), ...op.call(3)])],
        },
        { ranks: 2 },
      );
      expect(end).toMatchObject({ state: 'FAILED', exitCode: 21 });
    });
  });
});

describe('the programs that come with Kitten', () => {
  it('STREAM validates, on one rank and on two', async () => {
    for (const ranks of [1, 2]) {
      const { end, text } = await program('stream', ['2000', '3'], { ranks });
      expect(end).toEqual({ state: 'COMPLETED' });
      expect(text).toMatch(
        /^Copy [\d.]+ MB\/s\nScale [\d.]+ MB\/s\nAdd [\d.]+ MB\/s\nTriad [\d.]+ MB\/s\nSolution validates\n$/,
      );
    }
  });

  it('the conjugate gradient converges, with its planes read from the neighbours', async () => {
    const iterations: number[] = [];
    for (const ranks of [1, 3]) {
      const { end, text } = await program('hpccg', ['6', '100'], { ranks });
      expect(end).toEqual({ state: 'COMPLETED' });
      const [, count, error] = /^(\d+) iterations, .* error ([\d.]+)\n$/.exec(text) ?? [];
      iterations.push(Number(count));
      expect(Number(error)).toBeLessThan(1e-6);
    }
    // A longer box needs more of them.
    expect(iterations[1]).toBeGreaterThan(iterations[0]!);
    expect(iterations[1]).toBeLessThan(100);
  });

  it('selfish counts its detours', async () => {
    const { end, text } = await program('selfish', ['50', '0']);
    expect(end).toEqual({ state: 'COMPLETED' });
    const [, detours, lost, duration] =
      /rank 0: (\d+) detours, lost ([\d.]+) us of ([\d.]+) us/.exec(text) ?? [];
    expect(Number(detours)).toBeGreaterThan(100);
    // With a threshold of 0 all of the time is one.
    expect(Number(lost) / Number(duration)).toBeGreaterThan(0.95);
  });

  it('wants numbers for arguments, and memory that it gets', async () => {
    const wrong = await program('stream', ['many']);
    expect(wrong.end).toMatchObject({ state: 'FAILED', rank: 0, exitCode: 2 });
    expect(wrong.text).toContain('an argument is not a number');
    const large = await program('stream', ['4000000'], { memoryMiB: 2 });
    expect(large.end).toMatchObject({ state: 'FAILED', rank: 0, exitCode: 1 });
    expect(large.text).toContain('not enough memory');
  });
});

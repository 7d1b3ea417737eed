import { readFile } from 'node:fs/promises';
import { Bus } from '@v3vee/bus';
import { kittenCalls } from '@v3vee/contracts';
import { BinaryLoader, GATE_BYTES, NativeJob, programPath, type ProgramName } from '@v3vee/native';
import type { LabCluster } from '../../cluster';
import type { LabContext } from '../../lab';
import { row, type LabRow } from '../../result';
import { HOST } from './sides';

/** What Kitten's own work costs: memory, the gate, the looks at it. */
export async function costs(context: LabContext, cluster: LabCluster): Promise<LabRow[]> {
  return [await allocation(context, cluster), ...(await contextSwitch(context)), ...(await looks(context))];
}

const CALLS = 200;

/** Over the bus, as Palacios asks for it; beside a call that does nothing. */
async function allocation(context: LabContext, cluster: LabCluster): Promise<LabRow> {
  context.progress('memory and a core, taken and given back');
  const bus = await Bus.connect({ url: await cluster.cluster.natsUrl(), name: 'lab' });
  context.cleanup(() => bus.close());
  const task = 'vm/lab';
  const pair = async () => {
    await bus.call(kittenCalls.allocate, HOST, { task, memoryMiB: 64 });
    await bus.call(kittenCalls.free, HOST, { task });
  };
  const nothing = async () => {
    for (let i = 0; i < 2; i++) await bus.call(kittenCalls.inventory, HOST, {});
  };
  const perRound = async (action: () => Promise<void>) => {
    const begin = performance.now();
    for (let i = 0; i < CALLS; i++) await action();
    return ((performance.now() - begin) / CALLS) * 1e3;
  };
  const took = { pair: [] as number[], nothing: [] as number[] };
  for (let i = -1; i < context.runs; i++) {
    const [nothings, pairs] = [await perRound(nothing), await perRound(pair)];
    if (i < 0) continue;
    took.nothing.push(nothings);
    took.pair.push(pairs);
  }
  return row({
    name: '64 MiB and a core, allocated and freed, two calls over the bus',
    unit: 'µs',
    baseline: { name: 'two inventory calls', values: took.nothing },
    ours: { name: 'allocate + free', values: took.pair },
    paired: true,
  });
}

const SWITCHES = 100;

/** A rank's gate is closed and opened: when it stands still, and when it runs again. */
async function contextSwitch(context: LabContext): Promise<LabRow[]> {
  const took = { still: [] as number[], again: [] as number[] };
  const shared = openGate();
  const [word, waits] = [new Int32Array(shared, 0, 1), new Int32Array(shared, 4, 1)];
  const job = await start('selfish', ['60000'], [shared]);
  context.cleanup(() => job.kill('the lab is over'));
  while (Atomics.load(new BigInt64Array(shared, 8, 1), 0) === 0n) await sleep(1);
  /** Spins: to be told would take longer. @returns µs */
  const until = (value: number) => {
    const begin = performance.now();
    while (Atomics.load(waits, 0) !== value);
    return (performance.now() - begin) * 1e3;
  };
  for (let i = 0; i < context.runs; i++) {
    context.progress(`gate closed and opened, ${i + 1} of ${context.runs}`);
    const sums = { still: 0, again: 0 };
    for (let n = 0; n < SWITCHES; n++) {
      await sleep(2);
      Atomics.store(word, 0, 0);
      sums.still += until(1);
      await sleep(2);
      Atomics.store(word, 0, 1);
      Atomics.notify(word, 0);
      sums.again += until(0);
    }
    took.still.push(sums.still / SWITCHES);
    took.again.push(sums.again / SWITCHES);
  }
  job.kill('it was measured');
  await job.ended;
  return [
    row({
      name: 'context switch: gate closed, until the rank stands still',
      unit: 'µs',
      ours: { name: 'native', values: took.still },
    }),
    row({
      name: 'context switch: gate opened, until the rank runs',
      unit: 'µs',
      ours: { name: 'native', values: took.again },
    }),
  ];
}

/** The programs with looks at the gate, and without. */
async function looks(context: LabContext): Promise<LabRow[]> {
  const measured: [name: string, program: ProgramName, args: string[], unit: string, pattern: RegExp][] = [
    ['STREAM Triad', 'stream', ['1000000', '10'], 'MB/s', /Triad ([\d.]+)/],
    ['conjugate gradient', 'hpccg', ['24', '100'], 'iterations/s', /([\d.]+) iterations\/s/],
  ];
  const rows: LabRow[] = [];
  for (const [name, program, args, unit, pattern] of measured) {
    const values = { with: [] as number[], without: [] as number[] };
    for (let i = -1; i < context.runs; i++) {
      context.progress(
        `${name} with and without looks at the gate, ${Math.max(i + 1, 0)} of ${context.runs}`,
      );
      for (const side of i % 2 ? (['with', 'without'] as const) : (['without', 'with'] as const)) {
        const job = await start(program, args, [openGate()], side === 'with');
        const value = Number(pattern.exec(await printed(job))?.[1]);
        if (i >= 0) values[side].push(value);
      }
    }
    rows.push(
      row({
        name: `${name}, with looks at the gate in its loops`,
        unit,
        baseline: { name: 'without', values: values.without },
        ours: { name: 'with', values: values.with },
        paired: true,
      }),
    );
  }
  return rows;
}

const loader = new BinaryLoader();
const sleep = (ms: number) => new Promise(resolve => setTimeout(resolve, ms));

function openGate(): SharedArrayBuffer {
  const shared = new SharedArrayBuffer(GATE_BYTES);
  new Int32Array(shared)[0] = 1;
  return shared;
}

async function start(
  program: ProgramName,
  args: string[],
  gates: SharedArrayBuffer[],
  preemptible = true,
): Promise<NativeJob> {
  const binary = await loader.load(await readFile(programPath(program)), { preemptible });
  return new NativeJob({
    binary,
    memoryBytes: 64 << 20,
    gates,
    args: [program, ...args],
    timeLimitMs: 120_000,
  });
}

/** @throws Error when it did not end well */
async function printed(job: NativeJob): Promise<string> {
  const end = await job.ended;
  if (end.state !== 'COMPLETED') throw new Error(`a job ${end.state}: ${end.reason}`);
  return Array.from({ length: job.output.length }, (_, i) => Buffer.from(job.output.piece(i).data)).join('');
}

import type { Lab, LabContext } from '../../lab';
import { row, type LabRow } from '../../result';
import { coreWith, type CoreUnderTest } from './core';
import { LinkUnderTest } from './link';

const STEPS = ['the core alone', 'NATS links'] as const;
const ROUTES = [10, 1_000, 100_000] as const;

/** The overlay without guests: lookups of its core, and its links beside plain NATS. */
export const routerLab: Lab = {
  name: 'router',
  summary:
    'the overlay’s core alone, from 10 to 100,000 routes; its NATS links against plain publish/subscribe',
  claims: [],
  minutes: 1,
  defaultRuns: 7,
  async run(context) {
    return [...(await core(context)), ...(await links(context))];
  },
};

type Figures = Record<keyof CoreUnderTest, number[]>;

async function core(context: LabContext): Promise<LabRow[]> {
  context.step(STEPS, 'the core alone');
  context.progress('setting up 100,000 routes');
  const cores = ROUTES.map(coreWith);
  const figures: Figures[] = cores.map(() => ({ hitNs: [], missNs: [], hitFrames: [], missFrames: [] }));
  const each = Object.keys(figures[0]!) as (keyof CoreUnderTest)[];
  for (let i = -1; i < context.runs; i++) {
    context.progress(`core, ${Math.max(i + 1, 0)} of ${context.runs}`);
    for (const [size, under] of cores.entries()) {
      for (const what of each) {
        context.signal.throwIfAborted();
        const value = under[what]();
        if (i >= 0) figures[size]![what].push(value); // the first round is for the compiler
        await new Promise(setImmediate); // Ctrl-C
      }
    }
  }
  return [...each.flatMap(what => rowsOf(what, figures)), flat('hitNs', figures), flat('missNs', figures)];
}

const label: Record<keyof CoreUnderTest, { name: string; unit: string }> = {
  hitNs: { name: 'route cache hit', unit: 'ns/lookup' },
  missNs: { name: 'miss: lookup in the routes', unit: 'ns/lookup' },
  hitFrames: { name: 'core, all flows cached', unit: 'frames/s' },
  missFrames: { name: 'core, no flow cached', unit: 'frames/s' },
};

function rowsOf(what: keyof CoreUnderTest, figures: Figures[]): LabRow[] {
  return ROUTES.map((routes, size) =>
    row({
      name: `${label[what].name}, ${routes} routes`,
      unit: label[what].unit,
      ours: { name: `${routes} routes`, values: figures[size]![what] },
      // 5 million lookups a second
      target: what === 'hitNs' ? { of: 'ours', op: '<=', value: 200 } : undefined,
    }),
  );
}

/** Flat: ten thousand times the routes may not cost half as much again. */
const flat = (what: 'hitNs' | 'missNs', figures: Figures[]): LabRow =>
  row({
    name: `${label[what].name}, ${ROUTES.at(-1)} routes against ${ROUTES[0]}`,
    unit: label[what].unit,
    baseline: { name: `${ROUTES[0]} routes`, values: figures[0]![what] },
    ours: { name: `${ROUTES.at(-1)} routes`, values: figures.at(-1)![what] },
    paired: true,
    target: what === 'hitNs' ? { of: 'ratio', op: '<=', value: 1.5 } : undefined,
  });

async function links(context: LabContext): Promise<LabRow[]> {
  context.step(STEPS, 'NATS links');
  context.progress('starting a cluster without VMs, and a receiver');
  const link = await LinkUnderTest.start(context);
  const rows: LabRow[] = [];
  for (const [bytes, target] of [
    [64, 5],
    [1514, 0.9],
  ] as const) {
    const values = { raw: [] as number[], link: [] as number[] };
    for (let i = -1; i < context.runs; i++) {
      context.progress(`NATS link, ${bytes} B, ${Math.max(i + 1, 0)} of ${context.runs}`);
      for (const side of i % 2 ? (['link', 'raw'] as const) : (['raw', 'link'] as const)) {
        const value = await (side === 'raw' ? link.rawFrames(bytes) : link.linkFrames(bytes));
        if (i >= 0) values[side].push(value);
      }
    }
    rows.push(
      row({
        name: `NATS link between two processes, ${bytes} B`,
        unit: 'frames/s',
        baseline: { name: 'plain NATS, a message each', values: values.raw },
        ours: { name: 'overlay', values: values.link },
        paired: true,
        target: { of: 'ratio', op: '>=', value: target },
      }),
    );
  }
  return rows;
}

import { defaultNicSettings, nicModes, type NicSettingsPatch } from '@v3vee/contracts';
import type { Lab, LabContext } from '../../lab';
import { row, type LabRow } from '../../result';
import { barePair } from './bare-pair';
import { all, NATIVE_95, NATIVE_SPEED, rehearse, rtt, tcp, warmUp, type Measurement } from './measurements';
import { qemuPair } from './qemu-pair';
import { beside, inRounds, type Series, type Side } from './rounds';
import { awake, type Pair } from './station';
import { World } from './world';

/** The modes are many, and other engines must boot and warm their guests: fewer rounds keep the lab short. */
const SHORT = 0.6;

const STEPS = [
  'set-up',
  'one host',
  'two hosts',
  'each dispatch mode',
  'the engine’s own card',
  'QEMU TCG',
] as const;

/** The overlay beside no overlay, beside QEMU, and beside the engine's own network card. */
export const vnetLab: Lab = {
  name: 'vnet',
  summary: 'the overlay between two guests against none between them, QEMU TCG and the engine’s own card',
  claims: [NATIVE_SPEED, NATIVE_95],
  minutes: 8,
  defaultRuns: 5,
  async run(context) {
    context.step(STEPS, 'set-up');
    const world = await World.start(context);
    context.step(STEPS, 'one host');
    const one = await againstNative(context, world, world.oneHost, 'one host');
    context.step(STEPS, 'two hosts');
    const two = await againstNative(context, world, world.twoHosts, 'two hosts');
    const rows = [...one.rows, ...two.rows, acrossHosts(one.rtt, two.rtt)];
    context.step(STEPS, 'each dispatch mode');
    rows.push(...(await inEveryMode(context, world)));
    context.step(STEPS, 'the engine’s own card');
    rows.push(...(await againstEngine(context, world)));
    context.step(STEPS, 'QEMU TCG');
    return [...rows, ...(await againstQemu(context, world))];
  },
};

const nativeSide = (world: World, pair: Pair): Side => ({
  name: 'native',
  async measure({ measure }) {
    await world.native(pair);
    return measure(pair);
  },
});

const overlaySide = (world: World, pair: Pair): Side => ({
  name: 'overlay',
  async measure({ measure }) {
    await world.overlay();
    return measure(pair);
  },
});

/** The same two guests, their frames switched between the overlay and the straight way. */
async function againstNative(
  context: LabContext,
  world: World,
  pair: Pair,
  where: string,
): Promise<{ rows: LabRow[]; rtt: Series }> {
  return awake(pair, async () => {
    context.progress(`warming up, ${where}`);
    await world.native(pair);
    await warmUp(pair);
    await world.overlay();
    await rehearse(pair);
    const rows: LabRow[] = [];
    let rttSeries: Series = [];
    for (const measurement of all) {
      const [native, overlay] = (await inRounds(context, measurement, [
        nativeSide(world, pair),
        overlaySide(world, pair),
      ])) as [Series, Series];
      if (measurement === rtt) rttSeries = overlay;
      rows.push(
        ...beside(
          measurement,
          where,
          { name: 'native', series: native },
          { name: 'overlay', series: overlay },
        ),
      );
    }
    return { rows, rtt: rttSeries };
  });
}

/** The median is the second figure of {@link rtt}. */
const acrossHosts = (one: Series, two: Series): LabRow =>
  row({
    name: 'ping RTT, p50, two hosts against one',
    unit: 'ms',
    baseline: { name: 'one host', values: one[1]! },
    ours: { name: 'two hosts', values: two[1]! },
    target: { of: 'ratio', op: '<=', value: 2 },
  });

/** Each way to serve a card, at both ends, beside native with the default one. */
async function inEveryMode(context: LabContext, world: World): Promise<LabRow[]> {
  const pair = world.twoHosts;
  const serve = (settings: NicSettingsPatch) =>
    Promise.all([pair.client.nic(settings), pair.server.nic(settings)]);
  const { mode, optimisticInterrupts } = defaultNicSettings;
  const usual = { mode, optimisticInterrupts };
  const modes = nicModes.flatMap(mode => [
    { name: mode, settings: { mode, optimisticInterrupts: false } },
    { name: `${mode}, optimistic interrupts`, settings: { mode, optimisticInterrupts: true } },
  ]);
  return awake(pair, async () => {
    const rows: LabRow[] = [];
    for (const measurement of [tcp, rtt]) {
      const [native, ...series] = await inRounds(
        context,
        measurement,
        [
          nativeSide(world, pair),
          ...modes.map(({ name, settings }) => ({
            name,
            async measure(what: Measurement) {
              await serve(settings);
              try {
                return await overlaySide(world, pair).measure(what);
              } finally {
                await serve(usual);
              }
            },
          })),
        ],
        context.runs * SHORT,
      );
      for (const [i, { name }] of modes.entries()) {
        const baseline = { name: 'native', series: native! };
        rows.push(...beside(measurement, `two hosts, ${name}`, baseline, { name, series: series[i]! }, {}));
      }
    }
    return rows;
  });
}

/** Engines take turns: only the pair that is measured runs. */
const turns = (name: string, pair: Pair): Side => ({
  name,
  measure: ({ measure }) => awake(pair, () => measure(pair)),
});

async function againstEngine(context: LabContext, world: World): Promise<LabRow[]> {
  context.progress('booting two guests on the bare engine, and warming them up');
  const bare = await barePair(context);
  await warmUp(bare);
  await Promise.all([bare.client.pause(), bare.server.pause()]);
  const side = { name: 'engine’s own card', pair: bare, where: 'one host' };
  return against(context, world.oneHost, world, side, [
    [tcp, { 'TCP stream': { of: 'ratio', op: '>=', value: 2.5 } }],
    [rtt, {}],
  ]);
}

async function againstQemu(context: LabContext, world: World): Promise<LabRow[]> {
  context.progress('booting two guests under QEMU, and warming them up');
  const qemu = await qemuPair(context);
  if (!qemu) {
    context.progress('QEMU is not installed: there is no comparison with it');
    return [];
  }
  await warmUp(qemu);
  await Promise.all([qemu.client.pause(), qemu.server.pause()]);
  const side = { name: 'QEMU TCG', pair: qemu, where: 'two hosts' };
  return against(context, world.twoHosts, world, side, [
    [tcp, { 'TCP stream': { of: 'ratio', op: '>=', value: 1 } }],
    [rtt, { 'ping RTT, p50': { of: 'ratio', op: '<=', value: 1.5 } }],
  ]);
}

async function against(
  context: LabContext,
  ours: Pair,
  world: World,
  other: { name: string; pair: Pair; where: string },
  measurements: readonly [Measurement, Parameters<typeof beside>[4]][],
): Promise<LabRow[]> {
  await world.overlay();
  const rows: LabRow[] = [];
  for (const [measurement, targets] of measurements) {
    const sides = [turns(other.name, other.pair), turns('overlay', ours)];
    const [theirs, mine] = (await inRounds(context, measurement, sides, context.runs * SHORT)) as [
      Series,
      Series,
    ];
    rows.push(
      ...beside(
        measurement,
        `${other.where}, against ${other.name}`,
        { name: other.name, series: theirs },
        { name: 'overlay', series: mine },
        targets,
      ),
    );
  }
  return rows;
}

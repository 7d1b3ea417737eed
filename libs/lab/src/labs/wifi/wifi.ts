import type { Lab, LabContext } from '../../lab';
import { row, type LabRow } from '../../result';
import { warmUp as warmUpThoroughly, type Measurement } from '../vnet/measurements';
import { beside, inRounds, type Series, type Side } from '../vnet/rounds';
import { awake } from '../vnet/station';
import { usual, warmUp } from '../vpio/measurements';
import { associations } from './association';
import { capacity } from './capacity';
import { InGuest } from './in-guest';
import { CLOSE, connection, MORE_CPU } from './measurements';
import { roaming } from './roaming';
import { onOneChannel, onTwoChannels } from './sharing';
import { ACCESS_POINTS, SHARING, type AccessPointName } from './topology';
import { WifiCluster } from './wifi-cluster';

const STEPS = [
  'set-up',
  'one VM, open',
  'one VM, WPA2',
  'several VMs at one radio',
  'associations',
  'roaming',
] as const;

/** Virtual WiFi beside a radio that nobody shares, beside no virtualisation of it, and with several VMs at one radio. */
export const wifiLab: Lab = {
  name: 'wifi',
  summary: 'a radio that VMs share, against one that a VM has alone and against the medium inside one guest',
  claims: [CLOSE, MORE_CPU],
  minutes: 8,
  defaultRuns: 4,
  async run(context) {
    context.step(STEPS, 'set-up');
    context.progress('starting a cluster of two hosts');
    const cluster = await WifiCluster.up(context, { vms: ['n', 'g'], accessPoints: ['open'] });
    const inGuest = await InGuest.setUp(cluster);
    return [
      ...(await oneVm(context, cluster, inGuest, 'open')),
      ...(await oneVm(context, cluster, inGuest, 'secret')),
      ...(await severalVms(context, cluster)),
    ];
  },
};

/** In the guest that is beside the point, and where only ciphers are new. */
const BRIEFLY = { ...usual, warmStreams: 2 };
const WHERE = { open: 'open', secret: 'WPA2' } as const;

/**
 * The same VM with the same NIC, whose radio is shared in principle (*distributor*) or its own (*native*) in turns, and
 * a guest with both ends in itself. There is one access point, so that both radios hear the same.
 */
async function oneVm(
  context: LabContext,
  cluster: WifiCluster,
  inGuest: InGuest,
  accessPoint: keyof typeof WHERE,
): Promise<LabRow[]> {
  const where = WHERE[accessPoint];
  const stage = { vms: ['n', 'g'], accessPoints: [accessPoint] } as const;
  const pair = cluster.pair('n');
  context.step(STEPS, `one VM, ${where}`);
  context.progress('warming up');
  await inGuest.pair.client.run();
  await cluster.become(stage);
  await inGuest.use(accessPoint);
  await warmUp(inGuest.pair, BRIEFLY);
  await inGuest.pair.client.pause();
  await cluster.join('n', accessPoint);
  await (accessPoint === 'open' ? warmUpThoroughly(pair) : warmUp(pair, BRIEFLY));

  const radio = (name: string, dedicated: boolean): Side => ({
    name: `${name}, ${where}`,
    async measure({ measure }) {
      await cluster.become({ ...stage, dedicated });
      await cluster.reach('n');
      return measure(pair);
    },
  });
  const medium: Side = {
    name: `in-guest medium, ${where}`,
    measure: ({ measure }) =>
      awake(inGuest.pair, async () => {
        await inGuest.reach();
        return measure(inGuest.pair);
      }),
  };
  const rows: LabRow[] = [];
  let goodput: readonly number[] = [];
  for (const what of connection(() => cluster.cpuSeconds())) {
    const [inside] = (await inRounds(context, what, [medium], 1)) as [Series];
    const sides = [radio('native', true), radio('distributor', false)];
    const [native, ours] = (await inRounds(context, what, sides)) as [Series, Series];
    rows.push(
      ...beside(
        what,
        `one VM, ${where}`,
        { name: 'native', series: native },
        { name: 'distributor', series: ours },
      ),
      ...besideTheMedium(what, where, inside, ours),
    );
    if (what.name === 'TCP tx') goodput = ours[0]!;
  }
  return [...rows, ...besideTheAir(accessPoint, goodput)];
}

/** It was measured once: what one guest does with itself varies little, and has no target. */
function besideTheMedium(what: Measurement, where: string, inside: Series, ours: Series): LabRow[] {
  return what.figures.map(({ name, unit }, i) =>
    row({
      name: `${name}, one VM, ${where}, against the medium inside one guest`,
      unit,
      baseline: { name: 'in-guest medium', values: inside[i]! },
      ours: { name: 'distributor', values: ours[i]! },
    }),
  );
}

/** What the air of 802.11g would carry, computed. */
function besideTheAir(accessPoint: AccessPointName, goodput: readonly number[]): LabRow[] {
  const { channel, passphrase } = ACCESS_POINTS[accessPoint];
  const { tcp, udp } = capacity(channel, { isProtected: passphrase !== undefined });
  const where = accessPoint === 'open' ? 'open' : 'WPA2';
  const name = '802.11g at 54 Mbit/s';
  return [
    row({
      name: `TCP tx, one VM, ${where}, against what the air carries`,
      unit: 'Mbit/s',
      baseline: { name, values: [tcp] },
      ours: { name: 'distributor', values: goodput },
    }),
    row({ name: `UDP that the air carries, ${where}`, unit: 'Mbit/s', ours: { name, values: [udp] } }),
  ];
}

async function severalVms(context: LabContext, cluster: WifiCluster): Promise<LabRow[]> {
  context.step(STEPS, 'several VMs at one radio');
  context.progress('starting four VMs at one radio');
  await cluster.become({ vms: SHARING, accessPoints: ['open'] });
  const one = await onOneChannel(context, cluster);
  context.progress('a second channel');
  await cluster.become({ vms: SHARING.slice(0, 2), accessPoints: ['open', 'other'] });
  const two = await onTwoChannels(context, cluster, one.two);
  await cluster.become({ vms: SHARING.slice(0, 2), accessPoints: ['secret'] });
  context.step(STEPS, 'associations');
  const joins = await associations(context, cluster);
  context.step(STEPS, 'roaming');
  await cluster.become({ vms: ['w1'], accessPoints: ['secret', 'attic'] });
  return [...one.rows, ...two, ...joins, ...(await roaming(context, cluster))];
}

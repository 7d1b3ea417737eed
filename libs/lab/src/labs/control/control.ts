import { waitForVm } from '@v3vee/client';
import { LabCluster } from '../../cluster';
import type { Lab } from '../../lab';
import type { LabRow } from '../../result';
import { accessOf } from './access';
import { consoleEcho } from './console-echo';
import { consolePage } from './console-page';
import { reads } from './reads';
import { topology, vmName } from './topology';
import { manyWatches, watchDelays } from './watches';

const stages = {
  reads,
  'changes to the client': watchDelays,
  'many watches': manyWatches,
  'echo of keys': consoleEcho,
  'console page': consolePage,
};

export const controlLab: Lab = {
  name: 'control',
  summary:
    'the gateway’s reads, watches and consoles, and the web console’s page, beside what is empty or direct',
  claims: [],
  minutes: 10,
  defaultRuns: 3,
  async run(context) {
    context.progress('starting a cluster of two hosts');
    const cluster = await LabCluster.up(context, topology());
    const access = await accessOf(cluster);
    const vm = vmName(1);
    await cluster.client.operate('startVm', { vm }, { body: {} });
    await waitForVm(cluster.client, vm, 'agent');
    const rows: LabRow[] = [];
    for (const [name, stage] of Object.entries(stages)) {
      context.step(Object.keys(stages), name);
      rows.push(...(await stage(context, cluster, access)));
    }
    return rows;
  },
};

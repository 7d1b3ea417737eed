import type { ApplyResult } from '@v3vee/contracts';
import type { Command } from 'commander';
import { examples, print, printJson, withOutput, type OutputFormat } from '../output';
import { control, interrupted, withClient } from '../session';
import { imagesOf, setUp } from '../set-up';
import { createTaskProgress } from '../terminal/progress';
import { readTopologyFile } from '../topology-file';

export function applyCommand(program: Command): void {
  withOutput(program.command('apply'))
    .description('make the running cluster what a file says: create, change, remove')
    .requiredOption('-f, --file <file>', 'the cluster file; - is standard input')
    .addHelpText('after', examples('v3 apply -f cluster.yaml', 'v3 apply -f - < cluster.yaml'))
    .action(apply);
}

async function apply({ file, output }: { file: string; output: OutputFormat }): Promise<void> {
  const { topology, locate } = readTopologyFile(file);
  await withClient(async client => {
    const progress = createTaskProgress(process.stderr, { quiet: output === 'json' });
    const supervisor = control();
    // A cluster elsewhere (V3_URL), or in containers, has its own way to start hosts.
    const managesHosts = !process.env.V3_URL && (await supervisor.status()) !== undefined;
    const update = (text: string) => progress.update(text);
    const changes: ApplyResult['changes'] = [];
    const hosts = async (prune: boolean) => {
      if (!managesHosts) return;
      const changed = await supervisor.putHosts({ hosts: topology.hosts, prune }, update);
      const add = (action: 'start' | 'stop', names: string[], detail: string) =>
        changes.push(...names.map(name => ({ action, resource: `hosts/${name}`, detail })));
      add('start', changed.started, 'its kitten and palacios');
      add('start', changed.restarted, 'anew, because its hardware changed');
      add('stop', changed.stopped, 'its kitten and palacios');
    };
    try {
      progress.step('applying');
      if (managesHosts) await setUp(imagesOf(topology), progress);
      // New hosts run before VMs come to them; hosts that go must run until their VMs are gone.
      await hosts(false);
      changes.push(...(await client.apply(topology, { signal: interrupted, onProgress: update })));
      await hosts(true);
      if (managesHosts) await supervisor.putTopology(topology);
    } catch (error) {
      throw locate(error);
    } finally {
      progress.done();
    }
    if (output === 'json') printJson({ changes });
    else if (changes.length === 0) print('Nothing to change.');
    else describeChanges(changes).forEach(print);
  });
}

/** `vms/a1: created (…)`. */
export function describeChanges(changes: ApplyResult['changes']): string[] {
  const done = {
    ...{ create: 'created', update: 'changed', delete: 'deleted' },
    ...{ start: 'started', stop: 'stopped', move: 'moved' },
  };
  return changes.map(
    ({ action, resource, detail }) => `${resource} ${done[action]}${detail ? `: ${detail}` : ''}`,
  );
}

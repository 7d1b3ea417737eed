import { memoryMiB, V3Error, validate, type ProjectPatch } from '@v3vee/contracts';
import type { Command } from 'commander';
import { projectColumns } from '../../access-columns';
import { wholeNumber } from '../../options';
import { examples, print, printJson, printList, printOne, withOutput, type OutputFormat } from '../../output';
import { withClient } from '../../session';

interface Formatted {
  output: OutputFormat;
}
interface Quotas {
  vms?: number | 'none';
  memory?: number | 'none';
  snapshots?: number | 'none';
}

export function projectCommands(program: Command): void {
  const project = program.command('project').description('whose virtual machines and networks are');
  withOutput(project.command('list'))
    .description('list projects: what they have, of what they may have')
    .addHelpText('after', examples('v3 project list'))
    .action(({ output }: Formatted) =>
      withClient(async client =>
        printList(await client.list('listProjects'), projectColumns, output, 'There are no projects.'),
      ),
    );
  withOutput(project.command('show <project>'))
    .description('show one')
    .addHelpText('after', examples('v3 project show red'))
    .action((name: string, { output }: Formatted) =>
      withClient(async client =>
        printOne(await client.call('getProject', { project: name }), projectColumns, output),
      ),
    );
  withQuotas(withOutput(project.command('create <project>')))
    .description('add a project')
    .addHelpText('after', examples('v3 project create red --vms 4 --memory 512MiB --snapshots 1GiB'))
    .action((name: string, { output, ...quotas }: Formatted & Quotas) =>
      withClient(async client => {
        const made = await client.call('createProject', {}, { body: { name, ...patchOf(quotas) } });
        if (output === 'json') printJson(made);
        else print(`project/${name} created`);
      }),
    );
  withQuotas(withOutput(project.command('set <project>')))
    .description('change its quotas; what it has already stays')
    .addHelpText('after', examples('v3 project set red --vms 8', 'v3 project set red --snapshots none'))
    .action((name: string, { output, ...quotas }: Formatted & Quotas) =>
      withClient(async client => {
        const patch = patchOf(quotas);
        if (Object.keys(patch).length === 0)
          throw new V3Error('USAGE', 'say what to change: --vms, --memory or --snapshots');
        const changed = await client.call('updateProject', { project: name }, { body: patch });
        if (output === 'json') printJson(changed);
        else print(`project/${name} changed`);
      }),
    );
  project
    .command('delete <project>')
    .description('delete a project that has nothing and nobody')
    .addHelpText('after', examples('v3 project delete red'))
    .action((name: string) =>
      withClient(async client => {
        await client.call('deleteProject', { project: name });
        print(`project/${name} deleted`);
      }),
    );
}

function withQuotas(command: Command): Command {
  const count = wholeNumber('--vms', 0, 1_000_000);
  return command
    .option('--vms <n>', 'VMs that it may define, or none: any number', text =>
      text === 'none' ? text : count(text),
    )
    .option('--memory <amount>', 'of all its VMs together, for example 1GiB, or none', amount)
    .option('--snapshots <amount>', 'of its snapshots together, for example 2GiB, or none', amount);
}

/** @returns MiB */
const amount = (text: string): number | 'none' =>
  text === 'none' ? text : validate(memoryMiB, /^\d+$/.test(text) ? Number(text) : text, 'USAGE');

function patchOf({ vms, memory, snapshots }: Quotas): ProjectPatch {
  const or = (value: number | 'none', unit = 1) => (value === 'none' ? null : value * unit);
  return {
    ...(vms !== undefined && { maxVms: or(vms) }),
    ...(memory !== undefined && { maxMemoryMiB: or(memory) }),
    ...(snapshots !== undefined && { maxSnapshotBytes: or(snapshots, 2 ** 20) }),
  };
}

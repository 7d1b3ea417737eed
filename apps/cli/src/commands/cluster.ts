import { stateFiles, type ServiceStatus } from '@v3vee/client';
import { V3Error } from '@v3vee/contracts';
import type { Command } from 'commander';
import { rm } from 'node:fs/promises';
import { examples, print, printJson, withOutput, type OutputFormat } from '../output';
import { control, paths } from '../session';
import { paintState } from '../terminal/colour';
import { createTaskProgress } from '../terminal/progress';
import { formatAge } from '../terminal/quantities';
import { formatTable, type Column } from '../terminal/table';

export function downCommand(program: Command): void {
  program
    .command('down')
    .description('stop the cluster in order; running guests are saved and go on at the next "up"')
    .addHelpText('after', examples('v3 down'))
    .action(async () => {
      const progress = createTaskProgress();
      progress.step('stopping the cluster');
      const wasRunning = await control()
        .down(text => progress.update(text))
        .finally(() => progress.done());
      if (wasRunning) return print('The cluster is down.');
      // What a killed supervisor left.
      await rm(stateFiles(paths().state).cluster, { force: true });
      process.stderr.write('v3: The cluster is not running; there is nothing to stop.\n');
    });
}

const serviceColumns: Column<ServiceStatus>[] = [
  { title: 'SERVICE', value: service => service.name },
  { title: 'STATE', value: service => service.state, paint: text => paintState(text, process.stdout) },
  { title: 'FOR', value: service => formatAge(service.since) },
  { title: 'PID', value: service => service.pid ?? '' },
  { title: 'RESTARTS', value: service => service.restarts },
  { title: 'ADDRESS', value: ({ url, grpc }) => [url, grpc && `grpc://${grpc}`].filter(Boolean).join(' ') },
  { title: 'REASON', value: service => service.reason },
];

export function statusCommand(program: Command): void {
  withOutput(program.command('status'))
    .description("show the cluster's processes; the exit code is 1 where it does not run")
    .addHelpText('after', examples('v3 status', 'v3 status -o json'))
    .action(async ({ output }: { output: OutputFormat }) => {
      const status = await control().status();
      if (!status) throw new V3Error('NOT_RUNNING', 'start it with "v3 up" (or "v3 up --detach")');
      if (output === 'json') return printJson(status);
      print(
        `The cluster is ${status.state}${status.url ? ` at ${status.url}` : ''} (for ${formatAge(status.startedAt)})`,
      );
      print(formatTable(status.services, serviceColumns));
    });
}

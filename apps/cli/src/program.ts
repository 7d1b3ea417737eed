import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { V3Error } from '@v3vee/contracts';
import { Command, CommanderError } from 'commander';
import { accessCommands } from './commands/access';
import { applyCommand } from './commands/apply';
import { captureCommand } from './commands/capture';
import { downCommand, statusCommand } from './commands/cluster';
import { diskCommands } from './commands/disk';
import { consoleCommand } from './commands/console';
import { dmmCommands } from './commands/dmm';
import { grafanaCommands } from './commands/grafana';
import { imageCommands } from './commands/image';
import { jobCommands } from './commands/job';
import { labCommands } from './commands/lab';
import { labRunCommands } from './commands/labrun';
import { logsCommand } from './commands/logs';
import { metricsCommand } from './commands/metrics';
import { migrationCommands, vmMigration } from './commands/migration';
import { natsCommands } from './commands/nats';
import { palaciosToolCommands } from './commands/palacios-tools';
import { prometheusCommand } from './commands/prometheus';
import { eventsCommand } from './commands/events';
import { hostCommands, networkCommands, operationCommands } from './commands/resources';
import { snapshotCommands } from './commands/snapshot';
import { testCommand } from './commands/test';
import { upCommand } from './commands/up';
import { vmConsole } from './commands/vm-console';
import { vmScreen } from './commands/vm-screen';
import { vmExec, vmStats, vmWait } from './commands/vm-guest';
import { vmSaved } from './commands/vm-saved';
import { vmBalloon, vmExits, vmMemory } from './commands/vm-machine';
import { vmXml } from './commands/vm-xml';
import { vmCreation, vmListing, vmStates, vmVerbs } from './commands/vm';
import { vnetCommands } from './commands/vnet';
import { wifiCommands } from './commands/wifi';
import { examples } from './output';

/** The whole command line. */
export function createProgram(): Command {
  const program = new Command('v3')
    .description('V3VEE: a virtualised cluster in a box')
    .version(version(), '-V, --version')
    .showSuggestionAfterError()
    .exitOverride()
    .enablePositionalOptions()
    .configureOutput({ outputError: () => {} }) // said once, by `usageError`
    .helpCommand('help [command]', 'help for a command')
    .addHelpText(
      'after',
      examples(
        'v3 up --detach',
        'v3 vm list',
        'v3 vm exec a1 -- ping -c 3 b1',
        'v3 vm console a1',
        'v3 down',
      ),
    );
  for (const add of [
    upCommand,
    downCommand,
    statusCommand,
    consoleCommand,
    logsCommand,
    eventsCommand,
    applyCommand,
    captureCommand,
    testCommand,
    labCommands,
    metricsCommand,
    prometheusCommand,
  ]) {
    add(program);
  }
  hostCommands(program);
  networkCommands(program);
  vmCommands(program);
  jobCommands(program);
  labRunCommands(program);
  vnetCommands(program);
  dmmCommands(program);
  wifiCommands(program);
  imageCommands(program);
  snapshotCommands(program);
  diskCommands(program);
  migrationCommands(program);
  operationCommands(program);
  natsCommands(program);
  accessCommands(program);
  grafanaCommands(program);
  palaciosToolCommands(program, args => createProgram().parseAsync(args, { from: 'user' }));
  return program;
}

function vmCommands(program: Command): void {
  const vm = program.command('vm').description('virtual machines');
  for (const add of [
    vmListing,
    vmCreation,
    vmVerbs,
    vmStates,
    vmSaved,
    vmMigration,
    vmConsole,
    vmExec,
    vmWait,
    vmStats,
    vmExits,
    vmMemory,
    vmBalloon,
    vmScreen,
    vmXml,
  ])
    add(vm);
}

/** What commander threw, as an exit code or as one of our errors. */
export function usageError(thrown: unknown): V3Error | number | undefined {
  if (!(thrown instanceof CommanderError)) return undefined;
  if (['commander.helpDisplayed', 'commander.version'].includes(thrown.code)) return 0;
  // A group without its verb: the help was printed to stderr.
  if (thrown.code === 'commander.help') return thrown.exitCode === 0 ? 0 : 2;
  // commander puts its suggestion on a line of its own, in parentheses.
  const what = thrown.message
    .replace(/^error: /, '')
    .replace(/\s*\n\(Did you mean (.*)\?\)$/s, '; did you mean "$1"?');
  return new V3Error(
    'USAGE',
    what.includes('did you mean') ? what : `${what.replace(/\.$/, '')}; --help shows how`,
  );
}

function version(): string {
  const file = join(__dirname, '..', 'package.json');
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

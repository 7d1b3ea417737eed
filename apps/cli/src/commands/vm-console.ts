import { openConsole } from '@v3vee/client';
import { V3Error } from '@v3vee/contracts';
import type { Command } from 'commander';
import { attach } from '../terminal/attach';
import { examples } from '../output';
import { leaveSignalsToCommand, withClient } from '../session';

export function vmConsole(vm: Command): void {
  vm.command('console <vm>')
    .description('connect this terminal to its serial console; Ctrl-] leaves')
    .addHelpText(
      'after',
      `${examples('v3 vm console a1', "echo 'uname -a' | v3 vm console a1")}

Piped input is sent to the console; the command ends when the console has been silent for a second after it.`,
    )
    .action((name: string) =>
      withClient(async client => {
        const session = await openConsole(client, name);
        leaveSignalsToCommand();
        if (process.stdin.isTTY) {
          process.stderr.write(`Connected to ${name}. Escape character is ^] (Ctrl + ])\n`);
        }
        const how = await attach(session.stream, process.stdin, process.stdout);
        if (how === 'escaped' || how === 'silent') return;
        const { code, reason } = await session.closed;
        if (code === 1000 || code === 1001)
          process.stderr.write(`\nThe console of ${name} was closed. ${reason}\n`);
        else
          throw new V3Error(
            'SERVICE_UNAVAILABLE',
            `the console of ${name} was cut off ${reason && `(${reason})`}`,
          );
      }),
    );
}

import type { Command } from 'commander';
import { deviceCommands } from './device';
import { policyCommand } from './policy';
import { recordCommands } from './records';
import { traceCommand } from './trace';

export function dmmCommands(program: Command): void {
  const dmm = program
    .command('dmm')
    .description('physical network cards that guests share: the device modeling monitor (VPIO)');
  for (const add of [deviceCommands, recordCommands, policyCommand, traceCommand]) add(dmm);
}

import type { Command } from 'commander';
import { accessPointCommands } from './access-point';
import { mediumCommands } from './medium';
import { radioCommands } from './radio';

export function wifiCommands(program: Command): void {
  const wifi = program
    .command('wifi')
    .description('Virtual WiFi: radios of hosts, access points, stations, and the air between them');
  for (const add of [radioCommands, accessPointCommands, mediumCommands]) add(wifi);
}

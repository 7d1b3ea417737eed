import { busUsers } from '@v3vee/contracts';
import { natsAuthorization } from '@v3vee/setup';
import { Option, type Command } from 'commander';
import { examples, print, printJson } from '../output';
import { readTopologyFile } from '../topology-file';

interface PermissionsOptions {
  file?: string;
  output: 'conf' | 'json';
}

export function natsCommands(program: Command): void {
  const nats = program
    .command('nats')
    .description('what the processes of a cluster may say and hear on NATS');
  nats
    .command('permissions')
    .description("print the users of a cluster's processes as a nats-server's authorization block")
    .option('-f, --file <file>', 'for the hosts of this cluster file (default: cluster.yaml of the checkout)')
    .addOption(new Option('-o, --output <format>', 'how to print').choices(['conf', 'json']).default('conf'))
    .addHelpText(
      'after',
      `${examples('v3 nats permissions > authorization.conf', 'v3 nats permissions -f my-cluster.yaml -o json')}

For a NATS server of your own: "include authorization.conf" in its configuration. It takes the passwords from its
environment ($V3_NATS_PASSWORD_GATEWAY and so on; a password begins with a letter); each process gets
V3_NATS_URL=nats://USER:PASSWORD@HOST:4222. The server that "v3 up" starts has all this by itself.`,
    )
    .action(({ file, output }: PermissionsOptions) => {
      const users = busUsers(Object.keys(readTopologyFile(file).topology.hosts));
      if (output === 'json') printJson(users);
      else print(natsAuthorization(users, passwordVariable).trimEnd());
    });
}

/** The variable of the server's environment that a user's password is taken from. */
export function passwordVariable(user: string): string {
  return `$V3_NATS_PASSWORD_${user.toUpperCase().replaceAll('-', '_')}`;
}

import { roles, userSpec, V3Error, validate, type Role } from '@v3vee/contracts';
import { Option, type Command } from 'commander';
import { userColumns } from '../../access-columns';
import { examples, print, printJson, printList, printOne, withOutput, type OutputFormat } from '../../output';
import { withClient } from '../../session';

interface Formatted {
  output: OutputFormat;
}

interface Changes {
  role?: Role;
  disable?: boolean;
  enable?: boolean;
}

export function userCommands(program: Command): void {
  const user = program.command('user').description('who may use the cluster');
  withOutput(user.command('list'))
    .description('list users')
    .addHelpText('after', examples('v3 user list'))
    .action(({ output }: Formatted) =>
      withClient(async client =>
        printList(await client.list('listUsers'), userColumns, output, 'There are no users.'),
      ),
    );
  withOutput(user.command('show <user>'))
    .description('show one')
    .addHelpText('after', examples('v3 user show anna'))
    .action((name: string, { output }: Formatted) =>
      withClient(async client => printOne(await client.call('getUser', { user: name }), userColumns, output)),
    );
  withOutput(user.command('create <user>'))
    .description('add a user, who gets in with a token')
    .addOption(new Option('--role <role>', 'what it may do').choices(roles).makeOptionMandatory())
    .option('--project <project>', 'confine it to this project')
    .addHelpText(
      'after',
      examples('v3 user create anna --role operator --project red', 'v3 user create ops --role admin'),
    )
    .action((name: string, { output, ...spec }: Formatted & { role: string; project?: string }) =>
      withClient(async client => {
        const body = validate(userSpec, { name, ...spec }, 'USAGE');
        const made = await client.call('createUser', {}, { body });
        if (output === 'json') printJson(made);
        else print(`user/${name} created; "v3 token create --user ${name}" lets it in`);
      }),
    );
  withOutput(user.command('set <user>'))
    .description('change its role, disable or enable it; what its tokens have open is closed')
    .addOption(new Option('--role <role>', 'what it may do').choices(roles))
    .option('--disable', 'no token of it is good until it is enabled')
    .option('--enable', 'its tokens are good again')
    .addHelpText('after', examples('v3 user set anna --role viewer', 'v3 user set anna --disable'))
    .action((name: string, { output, role, disable, enable }: Formatted & Changes) =>
      withClient(async client => {
        if ((role ?? disable ?? enable) === undefined || (disable && enable))
          throw new V3Error('USAGE', 'say what to change: --role, --disable or --enable');
        const body = { ...(role && { role }), ...((disable || enable) && { disabled: disable === true }) };
        const changed = await client.call('updateUser', { user: name }, { body });
        if (output === 'json') printJson(changed);
        else print(`user/${name} changed`);
      }),
    );
  user
    .command('delete <user>')
    .description('delete a user and its tokens')
    .addHelpText('after', examples('v3 user delete anna'))
    .action((name: string) =>
      withClient(async client => {
        await client.call('deleteUser', { user: name });
        print(`user/${name} deleted`);
      }),
    );
}

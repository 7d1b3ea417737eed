import { roles, userSpec, validate } from '@v3vee/contracts';
import { Option, type Command } from 'commander';
import { userColumns } from '../../access-columns';
import { examples, print, printJson, printList, printOne, withOutput, type OutputFormat } from '../../output';
import { withClient } from '../../session';

interface Formatted {
  output: OutputFormat;
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

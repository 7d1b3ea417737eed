import { tokenSpec, validate } from '@v3vee/contracts';
import type { Command } from 'commander';
import { tokenColumns } from '../../access-columns';
import { examples, print, printJson, printList, withOutput, type OutputFormat } from '../../output';
import { withClient } from '../../session';

interface Formatted {
  output: OutputFormat;
}

export function tokenCommands(program: Command): void {
  const token = program.command('token').description('what users get in with');
  withOutput(token.command('list'))
    .description('list tokens, without their secrets')
    .option('--user <user>', 'of this one only')
    .addHelpText('after', examples('v3 token list', 'v3 token list --user anna'))
    .action(({ output, user }: Formatted & { user?: string }) =>
      withClient(async client =>
        printList(await client.list('listTokens', { user }), tokenColumns, output, 'There are no tokens.'),
      ),
    );
  withOutput(token.command('create'))
    .description('make a token and print it: it is shown only now')
    .requiredOption('--user <user>', 'whose it is')
    .option(
      '--expires <length>',
      'for how long it is good, for example 12h, 30d (default: until it is revoked)',
    )
    .option('--project <project>', 'confine it to this project')
    .addHelpText(
      'after',
      `${examples('v3 token create --user anna --expires 30d', 'V3_TOKEN=$(v3 token create --user anna) v3 vm list')}

Its user sets V3_TOKEN to it, and V3_URL to the address of the gateway.`,
    )
    .action(
      ({ output, expires, ...spec }: Formatted & { user: string; project?: string; expires?: string }) =>
        withClient(async client => {
          const expiresIn = expires !== undefined && /^\d+$/.test(expires) ? Number(expires) : expires;
          const body = validate(tokenSpec, { ...spec, expiresIn }, 'USAGE');
          const made = await client.call('createToken', {}, { body });
          if (output === 'json') return printJson(made);
          print(made.token);
          process.stderr.write(`token/${made.id} of ${made.user}; it is shown only now\n`);
        }),
    );
  token
    .command('revoke <id>')
    .description('end a token, its sessions and what they have open')
    .addHelpText('after', examples('v3 token revoke 0d7b…'))
    .action((id: string) =>
      withClient(async client => {
        await client.call('revokeToken', { token: id });
        print(`token/${id} revoked`);
      }),
    );
}

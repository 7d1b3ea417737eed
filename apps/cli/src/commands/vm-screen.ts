import { V3Error, validate, vmKeys } from '@v3vee/contracts';
import type { Command } from 'commander';
import { examples, print, printJson, withOutput, type OutputFormat } from '../output';
import { withClient } from '../session';
import { writeNew } from '../write-new';

interface ScreenshotOptions {
  output?: string;
  text?: boolean;
  json?: boolean;
}

/** Screen and keyboard of a VM, as if one sat in front of it. */
export function vmScreen(vm: Command): void {
  vm.command('screenshot <vm>')
    .description('take a picture of its screen')
    .option('-o, --output <file>', 'a new PNG file (default: <vm>.png)')
    .option('--text', 'print the characters of a text screen instead')
    .option('--json', 'print size, characters and the picture (base64) as JSON')
    .addHelpText(
      'after',
      `${examples('v3 vm screenshot a1', 'v3 vm screenshot a1 -o boot.png', 'v3 vm screenshot a1 --text')}

A guest shows something there if it has a console on it: with "console=tty0" on its kernel's command line, as the
built-in images have.`,
    )
    .action((name: string, { output, text, json }: ScreenshotOptions) =>
      withClient(async client => {
        const screen = await client.call('vmScreen', { vm: name });
        if (json) return printJson(screen);
        if (text) {
          if (!screen.text) throw new V3Error('INVALID_REQUEST', `${name} shows graphics, not text`);
          return print(screen.text.join('\n').trimEnd());
        }
        if (screen.width === 0) throw new V3Error('INVALID_REQUEST', `the screen of ${name} shows nothing`);
        const file = output ?? `${name}.png`;
        const picture = Buffer.from(screen.png, 'base64');
        await writeNew(
          file,
          (async function* () {
            yield picture;
          })(),
          () => undefined,
        );
        print(`the screen of vm/${name} (${screen.width} × ${screen.height}) was written to ${file}`);
      }),
    );
  withOutput(vm.command('key <vm> [keys...]'))
    .description('press keys of its PS/2 keyboard, or type a text')
    .option('--text <text>', 'type this, as on a US keyboard')
    .addHelpText(
      'after',
      examples('v3 vm key a1 ctrl-alt-del', 'v3 vm key a1 down down enter', "v3 vm key a1 --text 'root'"),
    )
    .action((name: string, keys: string[], { text, output }: { text?: string; output: OutputFormat }) =>
      withClient(async client => {
        const body = validate(vmKeys, { keys: keys.length > 0 ? keys : undefined, text }, 'USAGE');
        await client.call('typeVm', { vm: name }, { body });
        if (output === 'json') printJson(body);
        else print(`vm/${name}: ${text === undefined ? keys.join(' ') : `${text.length} characters`} typed`);
      }),
    );
}

import { readFile } from 'node:fs/promises';
import {
  MAX_XML_BYTES,
  readPalaciosXml,
  V3Error,
  validate,
  vmSpec,
  writePalaciosXml,
} from '@v3vee/contracts';
import type { Command } from 'commander';
import { examples, print, printJson, withOutput, type OutputFormat } from '../output';
import { withClient } from '../session';

interface DefineOptions {
  output: OutputFormat;
  name?: string;
  host?: string;
  network?: string;
  ignoreUnknown?: boolean;
}

/** VMs in the configuration format of the original Palacios; docs/palacios-xml.md has the tables. */
export function vmXml(vm: Command): void {
  withOutput(vm.command('define <file>'))
    .description('define a virtual machine by a configuration file of the original Palacios (XML)')
    .option('--name <vm>', 'how it is to be named, unless the file says so')
    .option('--host <host>', 'where it runs, unless the file says so')
    .option('--network <network>', 'of NICs that name none')
    .option('--ignore-unknown', 'leave out what is not understood, instead of refusing the file')
    .addHelpText('after', examples('v3 vm define linux.xml --name a1 --host alpha --network lan'))
    .action((file: string, { output, ...options }: DefineOptions) =>
      withClient(async client => {
        const { spec, notes } = readPalaciosXml(await readText(file), options);
        for (const note of notes) process.stderr.write(`${file}: ${note}\n`);
        const body = validate(vmSpec, spec, 'INVALID_REQUEST');
        const made = await client.call('createVm', {}, { body });
        if (output === 'json') printJson(made);
        else print(`vm/${body.name} defined`);
      }),
    );
  vm.command('dumpxml <vm>')
    .description('print its definition as a configuration file of the original Palacios')
    .addHelpText('after', examples('v3 vm dumpxml a1 > a1.xml'))
    .action((name: string) =>
      withClient(async client => {
        const { xml, left } = writePalaciosXml(await client.call('getVm', { vm: name }));
        for (const what of left) process.stderr.write(`${name}: the format has no word for ${what}\n`);
        process.stdout.write(xml);
      }),
    );
}

async function readText(file: string): Promise<string> {
  const bytes = await readFile(file).catch((cause: NodeJS.ErrnoException) => {
    throw new V3Error('USAGE', `${file} can't be read (${cause.code})`, { cause });
  });
  if (bytes.length > MAX_XML_BYTES)
    throw new V3Error('INVALID_REQUEST', `${file} has more than ${MAX_XML_BYTES} bytes`);
  return bytes.toString('utf8');
}

import { readFile } from 'node:fs/promises';
import { Client, loadVm, readCa, saveVm, sendVm, type SavedVmOptions } from '@v3vee/client';
import { V3Error } from '@v3vee/contracts';
import type { Command } from 'commander';
import { examples, print, printJson, withOutput, type OutputFormat } from '../output';
import { interrupted, withClient } from '../session';
import { createTaskProgress } from '../terminal/progress';
import { formatBytes } from '../terminal/quantities';
import { writeNew } from '../write-new';

interface Peer {
  output: OutputFormat;
  tokenFile: string;
  host?: string;
  name?: string;
  delete?: boolean;
}

/** Palacios's verbs save, load, send and receive. */
export function vmSaved(vm: Command): void {
  withOutput(vm.command('save <vm> <file>'))
    .description('write its state to a new file; it goes on meanwhile')
    .addHelpText('after', examples('v3 vm save a1 a1.v3snapshot'))
    .action((name: string, file: string, { output }: { output: OutputFormat }) =>
      withClient(client =>
        showing(`saving ${name}`, async options => {
          const bytes = await saveVm(
            client,
            name,
            ({ stream, stop }) => {
              interrupted.addEventListener('abort', stop, { once: true });
              return writeNew(file, stream, done => options.onProgress(formatBytes(done)));
            },
            options,
          );
          return () => {
            if (output === 'json') printJson({ vm: name, file, bytes });
            else print(`vm/${name} saved to ${file} (${formatBytes(bytes)})`);
          };
        }),
      ),
    );
  vm.command('load <vm> <file>')
    .description('put it into the state that a file has, and run it')
    .addHelpText(
      'after',
      `${examples('v3 vm load a1 a1.v3snapshot')}

The VM needs as much memory and as many virtio NICs as the one that was saved.`,
    )
    .action((name: string, file: string) =>
      withClient(client =>
        showing(`loading ${name}`, async options => {
          await loadVm(client, name, file, options);
          return () => print(`vm/${name} loaded from ${file}`);
        }),
      ),
    );
  const peers = {
    send: ['--to <url>', 'move it into another cluster, where it goes on; here it is stopped'],
    receive: ['--from <url>', 'move it here from another cluster, where it is stopped'],
  } as const;
  for (const [verb, [option, description]] of Object.entries(peers)) {
    withOutput(vm.command(`${verb} <vm>`))
      .description(description)
      .requiredOption(option, 'the other cluster\'s address, as its "v3 status" says')
      .requiredOption(
        '--token-file <file>',
        'with a token of the other cluster (its state folder has admin.token)',
      )
      .option('--host <host>', 'where it is to run (default: a host of the same name)')
      .option('--name <name>', 'how it is to be called (default: as before)')
      .option('--delete', 'delete it where it was, instead of leaving it stopped')
      .addHelpText(
        'after',
        `${examples(
          `v3 vm ${verb} a1 --${verb === 'send' ? 'to' : 'from'} http://192.0.2.7:8080 --token-file other.token --host beta`,
        )}

The other cluster needs the image and the networks by the same names. The VM stands still meanwhile, and takes along
its memory and devices, not its snapshots. Passphrases of Wi-Fi NICs stay in the guest's memory; define them anew.`,
      )
      .action((name: string, { to, from, ...options }: Peer & { to?: string; from?: string }) =>
        withClient(here =>
          withPeer(to ?? from ?? '', options, there => move(name, { verb, here, there, ...options })),
        ),
      );
  }
}

interface Move extends Peer {
  verb: string;
  here: Client;
  there: Client;
}

function move(vm: string, { verb, here, there, name, host, output, delete: deletes }: Move): Promise<void> {
  const [from, to] = verb === 'send' ? [here, there] : [there, here];
  return showing(`moving ${vm}`, async options => {
    const { pausedMs } = await sendVm({ from, to, vm, name, host, deletes, ...options });
    return () => {
      if (output === 'json') printJson({ vm, from: from.url, to: to.url, name: name ?? vm, pausedMs });
      else
        print(
          `vm/${vm} moved to ${to.url} as vm/${name ?? vm}; it stood still for ${Math.round(pausedMs)} ms`,
        );
    };
  });
}

async function withPeer(
  url: string,
  { tokenFile }: Peer,
  action: (peer: Client) => Promise<void>,
): Promise<void> {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new V3Error('USAGE', `"${url}" is no address of a cluster; http://HOST:PORT is needed`);
  }
  const token = await readFile(tokenFile, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new V3Error('USAGE', `${tokenFile} cannot be read (${cause.code})`, { cause });
  });
  const peer = new Client({ url, token: token.trim(), ca: await readCa() });
  try {
    await action(peer);
  } finally {
    peer.close();
  }
}

/** @param action answers what is to be said when it is done */
async function showing(
  title: string,
  action: (options: Required<SavedVmOptions>) => Promise<() => void>,
): Promise<void> {
  const progress = createTaskProgress(process.stderr, { quiet: true });
  progress.step(title);
  try {
    const say = await action({ signal: interrupted, onProgress: text => progress.update(text) });
    progress.done();
    say();
  } finally {
    progress.done();
  }
}

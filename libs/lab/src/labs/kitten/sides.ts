import { execInVm, readJobOutput, runJob, waitForVm } from '@v3vee/client';
import { BareGuest } from '@v3vee/machine';
import { programPath, type ProgramName } from '@v3vee/native';
import type { LabCluster } from '../../cluster';
import { debianImage } from '../../guest-image';
import type { LabContext } from '../../lab';
import { SerialShell } from '../../serial-shell';
import type { GuestPrograms } from './guest-programs';

/** Where a program runs, with everything else standing still. */
export interface Side {
  name: string;
  /** The process that has the thread it runs on. */
  pid: number;
  /** @returns what it printed @throws Error when it did not end with 0 */
  run(program: ProgramName, args: readonly (string | number)[]): Promise<string>;
}

export const HOST = 'alpha';
export const VM = 'g';
const MEMORY_MIB = 64;
export const TOPOLOGY = `hosts: { ${HOST}: { memory: 1GiB, cores: 4 } }
networks: { lan: { subnet: 10.30.0.0/24 } }
vms: { ${VM}: { host: ${HOST}, memory: ${MEMORY_MIB}MiB, nics: [{ network: lan, ip: 10.30.0.11/24 }] } }
`;

/** A native task of Kitten's. */
export async function native(cluster: LabCluster): Promise<Side> {
  const { client } = cluster;
  const { pid } = await cluster.service(`kitten-${HOST}`);
  return {
    name: 'native',
    pid,
    async run(program, args) {
      const spec = { host: HOST, program, memoryMiB: MEMORY_MIB, args: args.map(String) };
      const { id } = await runJob(client, { ...spec, file: programPath(program) });
      let text = '';
      for await (const { data } of readJobOutput(client, id, { follow: true })) text += data.toString();
      const { state, reason } = await client.call('getJob', { job: id });
      await client.call('deleteJob', { job: id });
      if (state !== 'COMPLETED') throw new Error(`${program} ${state}: ${reason}: ${text.slice(-200)}`);
      return text;
    },
  };
}

/** In a Linux guest under Palacios, which is paused in between. */
export async function inGuest(cluster: LabCluster, programs: GuestPrograms): Promise<Side> {
  const { client } = cluster;
  await waitForVm(client, VM, 'agent');
  for (const [name, content] of Object.entries(programs)) {
    const command = ['sh', '-c', `cat >/tmp/${name}; chmod +x /tmp/${name}`];
    await execInVm(client, VM, command, { input: content });
  }
  await cluster.pause(VM);
  const { pid } = await cluster.service(`palacios-${HOST}`);
  return {
    name: 'Linux guest',
    pid,
    async run(program, args) {
      await cluster.resume(VM);
      try {
        return await cluster.sh(VM, `/tmp/${program} ${args.join(' ')}`);
      } finally {
        await cluster.pause(VM);
      }
    },
  };
}

/** What a line of the serial console takes; a shell's line editor takes more, slowly. */
const CHUNK = 700;

/** In the same Linux on the engine as it comes, without Palacios. */
export async function onBareEngine(context: LabContext, programs: GuestPrograms): Promise<Side> {
  const { image, firmware } = await debianImage();
  const shell: SerialShell = new SerialShell(text => guest.writeConsole(text));
  const cmdline = `console=ttyS0 tsc=reliable panic=-1 ${image.cmdline}`;
  const guest = await BareGuest.boot(
    { memoryMiB: MEMORY_MIB, firmware, image: { ...image, cmdline } },
    data => shell.heard(data),
  );
  context.cleanup(() => guest.terminate());
  await shell.ready(context.signal);
  for (const [name, content] of Object.entries(programs)) {
    const coded = content.toString('base64');
    for (let at = 0; at < coded.length; at += CHUNK) {
      await shell.run(`printf %s ${coded.slice(at, at + CHUNK)} >>/tmp/${name}.b64`);
    }
    await shell.run(`base64 -d /tmp/${name}.b64 >/tmp/${name}; chmod +x /tmp/${name}`);
  }
  await guest.pause();
  return {
    name: 'bare engine',
    pid: process.pid,
    async run(program, args) {
      await guest.run();
      try {
        const text = await shell.run(`/tmp/${program} ${args.join(' ')} || echo FAILED`);
        if (text.endsWith('FAILED')) throw new Error(`${program} on the bare engine: ${text.slice(-200)}`);
        return text;
      } finally {
        await guest.pause();
      }
    },
  };
}

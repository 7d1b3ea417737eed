import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { LabContext } from '../../lab';
import { freeUdpPort, qemuGuest, qemuMachine, qemuNic, type QemuGuest } from '../../qemu';
import { SerialShell } from '../../serial-shell';
import type { Pair, Station } from './station';
import { setUpNetwork } from './tools';

/** A card of QEMU's other than virtio, and the modules that a guest loads for it, in this order. */
export interface QemuCard {
  device: string;
  modules: readonly string[];
}

/**
 * Two guests under QEMU's TCG, a process each, with a wire of UDP datagrams between them: the same kernel, initrd and
 * command line as ours. Undefined where QEMU is not installed.
 * @param card of the client; virtio without, as the server always has
 */
export async function qemuPair(context: LabContext, card?: QemuCard): Promise<Pair | undefined> {
  const guest = await qemuGuest(context);
  if (!guest) return undefined;
  const ports = [await freeUdpPort(), await freeUdpPort()] as const;
  const [client, server] = await Promise.all([
    boot(context, guest, 1, ports[0], ports[1], card),
    boot(context, guest, 2, ports[1], ports[0]),
  ]);
  return { client, server };
}

const load = (card?: QemuCard): string[] =>
  (card?.modules ?? []).map(name => `insmod /lib/modules/${name}.ko`);

async function boot(
  context: LabContext,
  guest: QemuGuest,
  index: number,
  localPort: number,
  remotePort: number,
  card?: QemuCard,
): Promise<Station> {
  const mac = `02:00:5e:ff:01:0${index}`;
  const qemu = spawn(
    guest.binary,
    [...qemuMachine(guest), '-serial', 'stdio', ...qemuNic(mac, localPort, remotePort, card?.device)],
    { stdio: ['pipe', 'pipe', 'pipe'] },
  );
  let complaint = '';
  qemu.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text));
  qemu.stdin.on('error', () => undefined); // it ended; that is told below
  const ended = once(qemu, 'exit').then(() => {
    throw new Error(`QEMU ended: ${complaint.trim()}`);
  });
  ended.catch(() => undefined);
  context.cleanup(() => void qemu.kill('SIGKILL'));
  const shell = new SerialShell(text => qemu.stdin.write(text));
  qemu.stdout.on('data', (data: Buffer) => shell.heard(data));
  const orEnded = <T>(action: Promise<T>): Promise<T> => Promise.race([action, ended]);
  const ip = `10.99.1.${index}`;
  await orEnded(shell.ready(context.signal));
  await orEnded(shell.run([...load(card), setUpNetwork(ip)].join('; ')));
  return {
    name: `QEMU ${index}`,
    ip,
    mac,
    sh: command => orEnded(shell.run(command)),
    run: async () => void qemu.kill('SIGCONT'),
    pause: async () => void qemu.kill('SIGSTOP'),
  };
}

import { execFile, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ensureImage, resolvePaths } from '@v3vee/setup';
import { arpRequest, isArpReply } from './arp-probe';
import type { LabContext } from './lab';

const run = promisify(execFile);
const ADDRESS = '10.99.0.2';
const PROBE = { mac: '02:00:5e:ff:00:02', ip: '10.99.0.1' };

export interface QemuGuest {
  /** Path of `qemu-system-i386`. */
  binary: string;
  /** The same kernel as ours, as Debian ships it (a bzImage), the same initrd and command line. */
  kernel: string;
  initrd: string;
  cmdline: string;
  memoryMiB: number;
}

/** What every QEMU of a lab is started with: a machine as bare as ours, its guest on TCG. */
export const qemuMachine = ({ kernel, initrd, cmdline, memoryMiB }: QemuGuest): string[] => [
  ...['-accel', 'tcg', '-cpu', 'pentium3', '-m', String(memoryMiB), '-nodefaults', '-display', 'none'],
  ...['-kernel', kernel, '-initrd', initrd, '-append', cmdline, '-no-reboot'],
];

/** One end of a wire between two sockets of this machine: a frame is a datagram. */
export const qemuNic = (
  mac: string,
  localPort: number,
  remotePort: number,
  device = 'virtio-net-pci',
): string[] => [
  '-netdev',
  `dgram,id=n,local.type=inet,local.host=127.0.0.1,local.port=${localPort},remote.type=inet,remote.host=127.0.0.1,remote.port=${remotePort}`,
  ...['-device', `${device},netdev=n,mac=${mac}`],
];

/** A UDP port that nobody uses at this moment. */
export async function freeUdpPort(): Promise<number> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}

/** The built-in image as QEMU can boot it; undefined where QEMU is not installed, or the kernel's package is not there. */
export async function qemuGuest(context: LabContext): Promise<QemuGuest | undefined> {
  const binary = await findQemu();
  if (!binary) return undefined;
  const { cache } = resolvePaths();
  const folder = await mkdtemp(join(tmpdir(), 'v3-kernel-'));
  context.cleanup(() => rm(folder, { recursive: true, force: true }));
  const kernel = await packagedKernel(cache, folder);
  if (!kernel) return undefined;
  const { manifest, folder: image } = await ensureImage('debian', { cache });
  if (!manifest.initrd) throw new Error('the image "debian" has no initrd');
  return {
    binary,
    kernel,
    initrd: join(image, manifest.initrd.file),
    cmdline: manifest.cmdline,
    memoryMiB: 64,
  };
}

/** QEMU for 32-bit x86, where it is installed. */
async function findQemu(): Promise<string | undefined> {
  const { stdout } = await run('sh', [
    '-c',
    'command -v qemu-system-i386 || command -v qemu-system-x86_64 || true',
  ]);
  return stdout.trim() || undefined;
}

/** Debian's kernel as it is packaged, out of the package that set-up cached. Undefined where it is not there. */
async function packagedKernel(cache: string, folder: string): Promise<string | undefined> {
  const names = await readdir(join(cache, 'packages')).catch(() => []);
  const deb = names.find(name => /^linux-image-\d.*_i386\.deb$/.test(name));
  if (!deb) return undefined;
  await run('sh', [
    '-c',
    'dpkg-deb --fsys-tarfile "$1" | tar -x -C "$2" --wildcards "./boot/vmlinuz-*"',
    'sh',
    join(cache, 'packages', deb),
    folder,
  ]);
  const [kernel] = await readdir(join(folder, 'boot'));
  return kernel && join(folder, 'boot', kernel);
}

/**
 * Boots a guest under QEMU's TCG and tells how many ms passed from its start until it answered ARP. Its address
 * is set over the same configuration channel as in ours.
 */
export async function qemuColdBoot(guest: QemuGuest, signal: AbortSignal): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'v3-qemu-'));
  const udp = createSocket('udp4');
  udp.bind(0, '127.0.0.1');
  await once(udp, 'listening');
  const port = await freeUdpPort();
  const channel = join(folder, 'config.sock');
  const start = performance.now();
  const qemu = spawn(
    guest.binary,
    [
      ...qemuMachine(guest),
      ...['-serial', 'null'],
      ...qemuNic('02:00:5e:ff:00:03', port, udp.address().port),
      ...['-device', 'virtio-serial-pci'],
      ...[
        '-chardev',
        `socket,id=c,path=${channel},server=on,wait=off`,
        '-device',
        'virtserialport,chardev=c,name=org.v3vee.config.0',
      ],
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let complaint = '';
  qemu.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text));
  const ended = once(qemu, 'exit').then(() => {
    throw new Error(`QEMU ended before its guest answered: ${complaint.trim()}`);
  });
  const asking = setInterval(
    () => udp.send(arpRequest(PROBE.mac, PROBE.ip, ADDRESS, 0), port, '127.0.0.1'),
    5,
  );
  try {
    const answered = (async () => {
      await configure(channel, `nic 0 02:00:5e:ff:00:03 ${ADDRESS}/24 1500`, signal);
      for (;;) {
        const [frame] = (await once(udp, 'message', { signal })) as [Buffer];
        if (isArpReply(frame, ADDRESS, 0)) return performance.now() - start;
      }
    })();
    return await Promise.race([answered, ended]);
  } finally {
    clearInterval(asking);
    qemu.kill('SIGKILL');
    ended.catch(() => undefined);
    udp.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Waits until the guest listens on its configuration channel, then sends one line. */
async function configure(path: string, line: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    const socket = connect(path);
    const listening = await new Promise<boolean>(resolve => {
      socket.once('error', () => resolve(false));
      socket.on('data', data => data.toString('latin1').includes('up\n') && resolve(true));
    });
    if (listening) {
      socket.write(`${line}\n`);
      return;
    }
    socket.destroy();
    await new Promise(resolve => setTimeout(resolve, 10)); // QEMU has not made its socket yet
  }
}

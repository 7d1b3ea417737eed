import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { LabContext } from '../../lab';
import { qemuGuest, qemuMachine, type QemuGuest } from '../../qemu';
import { SerialShell } from '../../serial-shell';
import type { Move, Pair } from './move';
import { Qmp } from './qmp';
import { UdpHub } from './udp-hub';

const ADDRESS = '10.99.2.1';
const PEER = '10.99.2.2';
const MAC = '02:00:5e:ff:02:01';
const PEER_MAC = '02:00:5e:ff:02:02';
/** As ours is told, and no limit of bandwidth either. */
const LIMITS = { 'downtime-limit': 60, 'max-bandwidth': 10 * 2 ** 30 };
const LOOK_MS = 5;

interface Qemu {
  process: ChildProcess;
  shell: SerialShell;
  qmp: Qmp;
  unplug(): void;
}

/** What `query-migrate` tells; times in ms. */
interface QemuMigration {
  status: string;
  'error-desc'?: string;
  'total-time'?: number;
  downtime?: number;
  ram?: { transferred: number };
}

/**
 * A guest under QEMU's TCG that moves from process to process over a Unix socket, and its peer: the same kernel, initrd
 * and command line as ours.
 */
export class QemuMoves implements Pair {
  readonly address = ADDRESS;
  private readonly hub = new UdpHub();
  private now!: Qemu;
  private other!: Qemu;
  private count = 0;

  private constructor(
    private readonly context: LabContext,
    private readonly image: QemuGuest,
    private readonly folder: string,
  ) {}

  /** Undefined where QEMU is not installed. */
  static async open(context: LabContext, memoryMiB: number): Promise<QemuMoves | undefined> {
    const image = await qemuGuest(context);
    if (!image) return undefined;
    context.progress(`starting two guests under QEMU, ${memoryMiB} MiB`);
    const folder = await mkdtemp(join(tmpdir(), 'v3-qemu-'));
    context.cleanup(() => rm(folder, { recursive: true, force: true }));
    const moves = new QemuMoves(context, { ...image, memoryMiB }, folder);
    context.cleanup(() => moves.close());
    [moves.now, moves.other] = await Promise.all([moves.start(MAC), moves.start(PEER_MAC)]);
    const up = async ({ shell }: Qemu, ip: string) => {
      await shell.ready(context.signal);
      await shell.run(`ifconfig eth0 ${ip} netmask 255.255.255.0 up`);
    };
    await Promise.all([up(moves.now, ADDRESS), up(moves.other, PEER)]);
    return moves;
  }

  guest(command: string): Promise<string> {
    return this.now.shell.run(command);
  }
  peer(command: string): Promise<string> {
    return this.other.shell.run(command);
  }

  watch(): () => number {
    let last = performance.now();
    let longest = 0;
    const look = () => {
      const now = performance.now();
      longest = Math.max(longest, now - last);
      last = now;
    };
    this.hub.onFrame = frame => isEchoReply(frame) && look();
    return () => {
      this.hub.onFrame = () => undefined;
      look();
      return longest;
    };
  }

  async move(): Promise<Omit<Move, 'usedMiB' | 'seen' | 'broken'>> {
    const uri = `unix:${join(this.folder, `m${this.count}`)}`;
    const target = await this.start(MAC, ['-incoming', uri]);
    const source = this.now;
    await source.qmp.run('migrate-set-parameters', LIMITS);
    await source.qmp.run('migrate', { uri });
    for (;;) {
      this.context.signal.throwIfAborted();
      const told = await source.qmp.run<QemuMigration>('query-migrate');
      if (told.status === 'failed') throw new Error(`QEMU did not move it: ${told['error-desc'] ?? ''}`);
      if (told.status !== 'completed') {
        await delay(LOOK_MS);
        continue;
      }
      this.now = target;
      end(source);
      return {
        hostMs: told.downtime ?? NaN,
        totalMs: told['total-time'] ?? NaN,
        sentMiB: (told.ram?.transferred ?? NaN) / 2 ** 20,
        rounds: [],
        lastPages: NaN,
      };
    }
  }

  close(): void {
    for (const qemu of [this.now, this.other]) if (qemu) end(qemu);
    this.hub.close();
  }

  private async start(mac: string, options: string[] = []): Promise<Qemu> {
    const socket = join(this.folder, `qmp${this.count++}`);
    const { options: nic, unplug } = await this.hub.plug(mac);
    const child = spawn(
      this.image.binary,
      [
        ...[...qemuMachine(this.image), '-serial', 'stdio', ...nic, ...options],
        ...['-qmp', `unix:${socket},server=on,wait=off`],
      ],
      { stdio: ['pipe', 'pipe', 'pipe'] },
    );
    this.context.cleanup(() => void child.kill('SIGKILL'));
    let complaint = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text));
    child.stdin.on('error', () => undefined); // it ended; that is told below
    const shell = new SerialShell(text => child.stdin.write(text));
    child.stdout.on('data', (data: Buffer) => shell.heard(data));
    const ended = once(child, 'exit').then(() => {
      throw new Error(`QEMU ended: ${complaint.trim()}`);
    });
    ended.catch(() => undefined);
    const qmp = await Promise.race([Qmp.connect(socket, this.context.signal), ended]);
    return { process: child, shell, qmp, unplug };
  }
}

/** IPv4 without options (RFC 791), ICMP type 0 (RFC 792). */
const isEchoReply = (frame: Buffer): boolean =>
  frame.length > 34 &&
  frame.readUInt16BE(12) === 0x0800 &&
  frame[14] === 0x45 &&
  frame[23] === 1 &&
  frame[34] === 0;

function end({ process, qmp, unplug }: Qemu): void {
  qmp.close();
  unplug();
  process.kill('SIGKILL');
}

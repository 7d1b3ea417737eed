import { resolvePaths } from '@v3vee/setup';
import { execFile, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The addresses of the two ends of the wire, in the range for tests of network devices (RFC 2544). */
export const OUTER = { ours: '198.18.77.1', theirs: '198.18.77.2' } as const;
const NAMESPACE = `v3vx${process.pid}`;
const [OURS, THEIRS] = [`v3vo${process.pid}`, `v3vt${process.pid}`];

const run = (...command: string[]) => spawnSync(command[0]!, command.slice(1), { encoding: 'utf8' });
function must(...command: string[]): string {
  const { status, stdout, stderr, error } = run(...command);
  if (status !== 0) throw new Error(`${command.join(' ')}: ${error?.message ?? stderr.trim()}`);
  return stdout;
}

/** A Linux kernel's `vxlan` device in a network namespace of its own, joined to this one by a cable (veth). */
export class KernelPeer {
  private readonly folder = mkdtempSync(join(tmpdir(), 'v3-vxlan-'));
  private readonly busybox = busybox(this.folder)!;
  private httpd: ChildProcess | undefined;

  /** Why this machine cannot have one; undefined when it can. Tries all of it, and takes it down again. */
  static problem(): string | undefined {
    const folder = mkdtempSync(join(tmpdir(), 'v3-vxlan-'));
    try {
      if (!busybox(folder)) return 'there is no busybox that runs here';
      lay({ vni: 1, address: '192.0.2.1/24' });
      return undefined;
    } catch (error) {
      return (error as Error).message;
    } finally {
      takeDown();
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /** As a user would do it: see docs/GUIDE.md. `address` is that of the device, with prefix. */
  constructor(options: { vni: number; address: string }) {
    lay(options);
  }

  /** Answers what `ping` prints; fails when nothing came back. */
  ping(address: string, ...options: string[]): Promise<string> {
    return this.inside('ping', ...options, address);
  }

  /** SHA-256 of what a URL answers, in hexadecimal digits. */
  async digestOf(url: string): Promise<string> {
    return createHash('sha256')
      .update(await this.inside('wget', '-q', '-O', '-', url), 'latin1')
      .digest('hex');
  }

  /** Serves these bytes at `/blob` of the device's address. */
  serve(bytes: Uint8Array): void {
    const root = join(this.folder, 'www');
    mkdirSync(root);
    writeFileSync(join(root, 'blob'), bytes);
    this.httpd = spawn('ip', [
      'netns',
      'exec',
      NAMESPACE,
      this.busybox,
      'httpd',
      '-f',
      '-p',
      '80',
      '-h',
      root,
    ]);
  }

  /** Bytes to a UDP port of ours, from an address of nobody's. */
  sendAsStranger(port: number): void {
    must('ip', '-n', NAMESPACE, 'address', 'add', '198.18.77.3/29', 'dev', THEIRS);
    must('ip', '-n', NAMESPACE, 'route', 'add', `${OUTER.ours}/32`, 'dev', THEIRS, 'src', '198.18.77.3');
    const script = `require('dgram').createSocket('udp4').send('hello', ${port}, '${OUTER.ours}', () => process.exit())`;
    must('ip', 'netns', 'exec', NAMESPACE, process.execPath, '-e', script);
    must('ip', '-n', NAMESPACE, 'route', 'delete', `${OUTER.ours}/32`);
  }

  stop(): void {
    this.httpd?.kill();
    takeDown();
    rmSync(this.folder, { recursive: true, force: true });
  }

  private inside(...command: string[]): Promise<string> {
    return new Promise((resolve, reject) => {
      const options = { encoding: 'latin1', maxBuffer: 64 << 20 } as const;
      execFile(
        'ip',
        ['netns', 'exec', NAMESPACE, this.busybox, ...command],
        options,
        (error, stdout, stderr) =>
          error ? reject(new Error(`${command.join(' ')}: ${stdout.slice(-500)}${stderr}`)) : resolve(stdout),
      );
    });
  }
}

function lay({ vni, address }: { vni: number; address: string }): void {
  must('ip', 'netns', 'add', NAMESPACE);
  must('ip', 'link', 'add', OURS, 'type', 'veth', 'peer', 'name', THEIRS, 'netns', NAMESPACE);
  must('ip', 'address', 'add', `${OUTER.ours}/29`, 'dev', OURS);
  must('ip', 'link', 'set', OURS, 'up');
  const inside = (...command: string[]) => must('ip', '-n', NAMESPACE, ...command);
  inside('link', 'set', 'lo', 'up');
  inside('address', 'add', `${OUTER.theirs}/29`, 'dev', THEIRS);
  inside('link', 'set', THEIRS, 'up');
  const [remote, local] = [OUTER.ours, OUTER.theirs];
  const vxlan = ['id', String(vni), 'remote', remote, 'local', local, 'dstport', '4789', 'dev', THEIRS];
  inside('link', 'add', 'vx0', 'type', 'vxlan', ...vxlan);
  inside('address', 'add', address, 'dev', 'vx0');
  inside('link', 'set', 'vx0', 'up');
}

/** The cable goes with the namespace. */
function takeDown(): void {
  run('ip', 'link', 'delete', OURS);
  run('ip', 'netns', 'delete', NAMESPACE);
}

/** The machine's own, or the guests' one, which is static. */
function busybox(folder: string): string | undefined {
  if (run('busybox', 'true').status === 0) return 'busybox';
  const packages = join(resolvePaths().cache, 'packages');
  const file = existsSync(packages) && readdirSync(packages).find(name => name.startsWith('busybox-static'));
  if (!file || run('dpkg-deb', '-x', join(packages, file), folder).status !== 0) return undefined;
  const program = join(folder, 'bin', 'busybox');
  return run(program, 'true').status === 0 ? program : undefined;
}

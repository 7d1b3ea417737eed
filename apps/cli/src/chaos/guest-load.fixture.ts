import type { World } from './world.fixture';
import { auditProgram, churnProgram, type Region } from './page-churn.fixture';

const REGION: Region = { file: '/tmp/region', pages: 256 };
const REST_MS = 700;
const FILE = { blocks: 8, blockSize: '64k' };
/** So long may a transfer stand still: longer than any fault, and than TCP's back-off after it. */
const SILENCE_SECONDS = 150;

/** One end of each transfer serves a file, the other loads it again and again. */
interface Member {
  vm: string;
  ip: string;
  peer: Member;
  /** Of the file that it serves. */
  hash: string;
  /** Number of the last transfer that was looked at. */
  seen: number;
  /** Transfers up to this number met a restart of one of their ends. */
  mayBreakUntil: number;
}

export interface Transfers {
  right: number;
  /** Broken by a restart of one of its ends. */
  broken: number;
}

/** What runs in the guests: each changes its memory all the time, and loads a file from the next one. */
export class GuestLoad {
  readonly transfers: Transfers = { right: 0, broken: 0 };
  audits = 0;
  private readonly members: Member[];

  constructor(
    private readonly world: World,
    vms: readonly { name: string; ip: string }[],
  ) {
    this.members = vms.map(({ name: vm, ip }) => ({ vm, ip, hash: '', seen: 0, mayBreakUntil: 0 }) as Member);
    for (const [index, member] of this.members.entries()) {
      member.peer = this.members[(index + 1) % this.members.length]!;
    }
  }

  /** In guests that have just been booted. */
  async begin(vms: readonly string[]): Promise<void> {
    // All serve before one loads.
    await Promise.all(vms.map(vm => this.serve(this.member(vm))));
    await Promise.all(vms.map(vm => this.run(this.member(vm))));
  }

  private async serve(member: Member): Promise<void> {
    const made = await this.world.sh(
      member.vm,
      [
        'mkdir -p /tmp/www',
        `dd if=/dev/urandom of=/tmp/www/file bs=${FILE.blockSize} count=${FILE.blocks} 2>/dev/null`,
        'pidof httpd >/dev/null || httpd -p 8080 -h /tmp/www',
        'sha256sum </tmp/www/file',
      ].join('\n'),
    );
    member.hash = made.stdout.toString().slice(0, 64);
  }

  private async run(member: Member): Promise<void> {
    const { vm } = member;
    await this.put(vm, '/tmp/churn', churnProgram(REGION, REST_MS));
    await this.put(vm, '/tmp/audit', auditProgram(REGION));
    await this.put(vm, '/tmp/load', Buffer.from(loading(member.peer.ip)));
    member.seen = member.mayBreakUntil = 0;
    await this.world.sh(
      vm,
      [background('/tmp/churn; echo $? >/tmp/churned'), background('/tmp/load')].join('\n'),
    );
  }

  /** Whether its guest still is the one that `begin` was called for. */
  async has(vm: string): Promise<boolean> {
    return (await this.world.sh(vm, 'test -e /tmp/www/file && test -e /tmp/load')).exitCode === 0;
  }

  /** @returns what is wrong with the guest's memory */
  async audit(vm: string): Promise<string[]> {
    const { exitCode, stdout, stderr } = await this.world.sh(
      vm,
      [
        'if [ -e /tmp/churned ]; then echo ended with $(cat /tmp/churned); exit 10; fi',
        'p=$(pidof churn) || { echo is not there; exit 10; }',
        'kill -STOP $p; /tmp/audit; r=$?; kill -CONT $p; exit $r',
      ].join('\n'),
    );
    this.audits++;
    if (exitCode === 0) return [];
    const said = exitCode === 10 ? `churn ${stdout.toString().trim()}` : `audit ended with ${exitCode}`;
    return [`${vm}: a page is not as the guest left it: ${said} ${stderr.toString().trim()}`];
  }

  /** @param restarted VMs whose guest is not the one of the last look @returns what is wrong */
  async inspect(vm: string, restarted: ReadonlySet<string>): Promise<string[]> {
    const member = this.member(vm);
    const met = restarted.has(vm) || restarted.has(member.peer.vm);
    const { stdout } = await this.world.sh(vm, 'tail -n 200 /tmp/transfers 2>/dev/null || true');
    const lines = stdout.toString().trim().split('\n').filter(Boolean);
    const ended = lines.map(line => /^(\d+) (\d+) ([0-9a-f]{64})$/.exec(line));
    const problems: string[] = [];
    for (const [index, match] of ended.entries()) {
      if (!match) {
        problems.push(`${vm}: its list of transfers says "${lines[index]}"`);
        continue;
      }
      const [number, code, hash] = [Number(match[1]), match[2], match[3]];
      if (number <= member.seen && !restarted.has(vm)) continue;
      if (code === '0' && hash === member.peer.hash) this.transfers.right++;
      else if (met || number <= member.mayBreakUntil) this.transfers.broken++;
      else
        problems.push(
          `${vm}: transfer ${number} from ${member.peer.vm} ended with ${code}, hash ${hash}, not ${member.peer.hash}`,
        );
    }
    member.seen = Number(lines.at(-1)?.split(' ')[0] ?? 0);
    return problems;
  }

  /** When guests that were started again serve again: what is under way to or from them may still break, no later one. */
  async goOn(restarted: ReadonlySet<string>): Promise<void> {
    for (const member of this.members) {
      if (!restarted.has(member.vm) && !restarted.has(member.peer.vm)) continue;
      // What waits for an answer of a guest that is gone would do so for long.
      const { stdout } = await this.world.sh(
        member.vm,
        'killall wget 2>/dev/null; tail -n 1 /tmp/transfers 2>/dev/null || true',
      );
      member.mayBreakUntil = Number(stdout.toString().split(' ')[0] ?? 0) + 1;
    }
  }

  private async put(vm: string, path: string, content: Uint8Array): Promise<void> {
    await this.world.sh(vm, `cat >${path}.new && chmod +x ${path}.new && mv ${path}.new ${path}`, content);
  }

  private member(vm: string): Member {
    return this.members.find(member => member.vm === vm)!;
  }
}

const background = (command: string) => `(${command}) >/dev/null 2>&1 </dev/null &`;

/** A line for each transfer: number, exit code of wget, hash. */
const loading = (ip: string) => `#!/bin/sh
n=0
while :; do
  n=$((n + 1))
  hash=$( (timeout ${SILENCE_SECONDS} wget -q -O - http://${ip}:8080/file; echo $? >/tmp/code) | sha256sum)
  echo $n $(cat /tmp/code) \${hash%% *} >>/tmp/transfers
  sleep 3
done
`;

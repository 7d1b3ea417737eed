import { setTimeout as delay } from 'node:timers/promises';
import { V3Error } from '@v3vee/contracts';
import type { GuestChannel } from '../worker/channel';
import { within } from '../timeout';
import { LineReader } from './line-reader';

/**
 * Client of qemu-guest-agent (docs/interop/qemu-ga-ref of QEMU 7.2) over a channel of the guest.
 *
 * The protocol is JSON lines without ids, so one command is under way at a time, and after anything that could have
 * left an answer on the way (a time-out, a restore, a restart of the agent) both ends are brought into step by
 * `guest-sync-delimited`: the answer with our id, after a byte 0xFF that no JSON holds, is the first to be believed.
 */

/** The agent itself cuts a command's output at 16 MiB; base64 and both streams make this of it. */
const MAX_LINE = 48 << 20;
/** The agent answers within 30 ms; on an overloaded machine a guest may not run for seconds. */
const ANSWER_TIMEOUT_MS = 20_000;
/** Times its time-out, an answer may take while it keeps arriving. */
const LONGEST_ANSWER = 8;
const POLL_FIRST_MS = 2;
const POLL_LONGEST_MS = 50;
const SENTINEL = 0xff;

export interface ExecRequest {
  /** Absolute path, or a name to be found on the agent's PATH. */
  path: string;
  args?: string[];
  /** `NAME=value` */
  env?: string[];
  /** Standard input. */
  input?: Uint8Array;
  timeoutMs?: number;
}

export interface ExecResult {
  /** Undefined if a signal ended the command. */
  exitCode: number | undefined;
  signal: number | undefined;
  stdout: Buffer;
  stderr: Buffer;
  /** Output beyond 16 MiB was cut by the agent. */
  truncated: boolean;
}

export interface GuestInterface {
  name: string;
  mac: string | undefined;
  /** In CIDR notation. */
  addresses: string[];
}

interface Waiting<T> {
  resolve(value: T): void;
  reject(error: Error): void;
}
interface Answer {
  return?: unknown;
  error?: { class: string; desc: string };
}

export class GuestAgent {
  private pending: Waiting<Answer> | undefined;
  private syncing: (Waiting<void> & { id: number }) | undefined;
  /** Set when the guest ended. */
  private ended: Error | undefined;
  /** False whenever an answer may be on its way that nobody waits for any more. */
  private inStep = false;
  private queue: Promise<unknown> = Promise.resolve();
  private heardAt = 0;
  private nextSync = 1 + Math.floor(Math.random() * 1e6);
  private readonly reader = new LineReader(
    MAX_LINE,
    line => this.received(line),
    () => (this.inStep = false),
  );

  constructor(private readonly channel: GuestChannel) {
    channel.onData(data => {
      this.heardAt = performance.now();
      this.reader.push(data);
    });
    channel.onOpen(open => {
      if (!open) this.inStep = false;
    });
    channel.onEnd(error => {
      this.ended = error;
      this.pending?.reject(error);
      this.syncing?.reject(error);
    });
  }

  /** After the guest was put into another state: answers from before it mean nothing. */
  resync(): void {
    this.inStep = false;
    this.reader.reset();
  }

  /** Resolves when the agent answers. @throws V3Error VM_NO_AGENT */
  async ping(timeoutMs = ANSWER_TIMEOUT_MS): Promise<void> {
    await this.call('guest-ping', {}, timeoutMs);
  }

  /**
   * Runs a command in the guest and waits for its end. A command that does not end in time is killed.
   * @throws V3Error EXEC_TIMEOUT, EXEC_FAILED (it could not be started) or VM_NO_AGENT
   */
  async exec(request: ExecRequest): Promise<ExecResult> {
    const timeoutMs = request.timeoutMs ?? 60_000;
    const deadline = performance.now() + timeoutMs;
    const pid = await this.start(request, Math.max(timeoutMs, ANSWER_TIMEOUT_MS));
    const status = await this.waitForEnd(pid, deadline);
    if (status) return toResult(status);
    await this.kill(pid);
    throw new V3Error('EXEC_TIMEOUT', `${request.path} did not end within ${timeoutMs} ms and was killed`);
  }

  async interfaces(timeoutMs = ANSWER_TIMEOUT_MS): Promise<GuestInterface[]> {
    const answer = await this.call('guest-network-get-interfaces', {}, timeoutMs);
    return (answer as AgentInterface[]).map(entry => ({
      name: entry.name,
      mac: entry['hardware-address'],
      addresses: (entry['ip-addresses'] ?? []).map(ip => `${ip['ip-address']}/${ip.prefix}`),
    }));
  }

  /** Sets the guest's clock, in milliseconds since 1970. Takes about a quarter of a second: the agent starts a program. */
  async setTime(milliseconds: number, timeoutMs = ANSWER_TIMEOUT_MS): Promise<void> {
    await this.call('guest-set-time', { time: Math.round(milliseconds) * 1_000_000 }, timeoutMs);
  }

  private async start(request: ExecRequest, timeoutMs: number): Promise<number> {
    const started = await this.command(
      'guest-exec',
      {
        path: request.path,
        arg: request.args ?? [],
        ...(request.env ? { env: request.env } : {}),
        ...(request.input ? { 'input-data': Buffer.from(request.input).toString('base64') } : {}),
        'capture-output': true,
      },
      timeoutMs,
    );
    if (started.error)
      throw new V3Error('EXEC_FAILED', `${request.path} could not be started: ${started.error.desc}`);
    return (started.return as { pid: number }).pid;
  }

  /** Undefined if the command has not ended by the deadline. The agent's answers have a time of their own. */
  private async waitForEnd(pid: number, deadline: number): Promise<ExecStatus | undefined> {
    for (let pause = POLL_FIRST_MS; ; pause = Math.min(2 * pause, POLL_LONGEST_MS)) {
      const status = (await this.call('guest-exec-status', { pid }, ANSWER_TIMEOUT_MS)) as ExecStatus;
      if (status.exited) return status;
      if (performance.now() + pause >= deadline) return undefined;
      await delay(pause);
    }
  }

  /** Returns when the command is gone, or when nothing more can be done about it. */
  private async kill(pid: number): Promise<void> {
    try {
      await this.start({ path: 'kill', args: ['-KILL', String(pid)] }, ANSWER_TIMEOUT_MS);
      await this.waitForEnd(pid, performance.now() + ANSWER_TIMEOUT_MS);
    } catch {
      // the command may have ended by itself meanwhile; the caller reports the time-out either way
    }
  }

  private async call(name: string, args: object, timeoutMs: number): Promise<unknown> {
    const { error, return: value } = await this.command(name, args, timeoutMs);
    if (error) throw new V3Error('VM_NO_AGENT', `the guest agent refuses ${name}: ${error.desc}`);
    return value;
  }

  /** One after the other; a failed one does not stop those behind it. */
  private command(name: string, args: object, timeoutMs: number): Promise<Answer> {
    const deadline = performance.now() + timeoutMs;
    const run = this.queue.then(() => this.exchange(name, args, remaining(deadline)));
    this.queue = run.catch(() => {});
    return run;
  }

  private async exchange(name: string, args: object, timeoutMs: number): Promise<Answer> {
    const deadline = performance.now() + timeoutMs;
    if (!this.inStep) await this.synchronise(deadline);
    if (this.ended) throw this.ended;
    const answer = new Promise<Answer>((resolve, reject) => (this.pending = { resolve, reject }));
    this.channel.write(`${JSON.stringify({ execute: name, arguments: args })}\n`);
    try {
      return await this.whileArriving(answer, deadline, timeoutMs, name);
    } catch (error) {
      this.inStep = false;
      throw error;
    } finally {
      this.pending = undefined;
    }
  }

  /**
   * A long answer (megabytes of a command's output) may take a slow guest longer than the time allowed: as long as
   * it keeps arriving it is waited for, within reason.
   */
  private async whileArriving(
    answer: Promise<Answer>,
    deadline: number,
    timeoutMs: number,
    name: string,
  ): Promise<Answer> {
    const late = silent(`the guest agent did not answer ${name} in time`)();
    const last = deadline + LONGEST_ANSWER * timeoutMs;
    for (let until = deadline; ; until = Math.min(this.heardAt + timeoutMs, last)) {
      try {
        return await within(answer, remaining(until), () => late);
      } catch (error) {
        const arriving = this.heardAt + timeoutMs > performance.now() && performance.now() < last;
        if (error !== late || !arriving) throw error;
      }
    }
  }

  /** Asks again now and then: an agent that is just starting loses what was written before it opened its port. */
  private async synchronise(deadline: number): Promise<void> {
    for (;;) {
      if (this.ended) throw this.ended;
      const id = this.nextSync++;
      const synced = new Promise<void>((resolve, reject) => (this.syncing = { id, resolve, reject }));
      const command = JSON.stringify({ execute: 'guest-sync-delimited', arguments: { id } });
      this.channel.write(Buffer.concat([Buffer.from([SENTINEL]), Buffer.from(`${command}\n`)]));
      try {
        await within(synced, Math.min(remaining(deadline), 1_000), silent('the guest agent does not answer'));
        this.inStep = true;
        return;
      } catch (error) {
        if (this.ended || performance.now() >= deadline) throw error;
      } finally {
        this.syncing = undefined;
      }
    }
  }

  private received(line: Buffer): void {
    const answer = parse(line.subarray(line.lastIndexOf(SENTINEL) + 1));
    if (!answer) return;
    if (this.syncing) {
      if (line.includes(SENTINEL) && answer.return === this.syncing.id) this.syncing.resolve();
    } else {
      this.pending?.resolve(answer);
    }
  }
}

interface ExecStatus {
  exited: boolean;
  exitcode?: number;
  signal?: number;
  'out-data'?: string;
  'err-data'?: string;
  'out-truncated'?: boolean;
  'err-truncated'?: boolean;
}

interface AgentInterface {
  name: string;
  'hardware-address'?: string;
  'ip-addresses'?: { 'ip-address': string; prefix: number }[];
}

const toResult = (status: ExecStatus): ExecResult => ({
  exitCode: status.exitcode,
  signal: status.signal,
  stdout: Buffer.from(status['out-data'] ?? '', 'base64'),
  stderr: Buffer.from(status['err-data'] ?? '', 'base64'),
  truncated: Boolean(status['out-truncated'] ?? status['err-truncated']),
});

function parse(line: Buffer): Answer | undefined {
  try {
    const value = JSON.parse(line.toString('utf8')) as unknown;
    return typeof value === 'object' && value !== null ? (value as Answer) : undefined;
  } catch {
    return undefined; // what an agent sends that was interrupted; the sync tells
  }
}

const remaining = (deadline: number): number => Math.max(1, deadline - performance.now());

const silent = (message: string) => () => new V3Error('VM_NO_AGENT', message);

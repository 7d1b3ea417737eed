import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { V3Error } from '@v3vee/contracts';
import type { AnchorEvent, AnchorRequest, DaemonName } from './anchor-messages';

type StartRequest = Omit<Extract<AnchorRequest, { type: 'start' }>, 'type'>;

export interface AnchoredDaemon {
  url: string;
  pid: number;
  exited: Promise<string>;
}

/** The supervisor's side of the anchor. A killed anchor takes its daemons with it; the next start makes a new one. */
export class AnchorLink {
  private child: ChildProcess | undefined;
  private wards: AnchorRequest = { type: 'wards', pids: [], files: [] };
  private readonly listeners = new Set<(event: AnchorEvent | 'gone') => void>();

  constructor(private readonly script = join(__dirname, 'anchor.js')) {}

  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** @throws V3Error as setup's `startNats` and `startPostgres` */
  async start(request: StartRequest): Promise<AnchoredDaemon> {
    const outcome = this.next(
      event => event !== 'gone' && event.name === request.name && event.type !== 'exited',
    );
    this.send({ type: 'start', ...request });
    const event = await outcome;
    if (event === 'gone') throw new V3Error('PROCESS_FAILED', 'the process that holds it was killed');
    if (event.type === 'failed') throw V3Error.fromProblem(event.problem);
    if (event.type !== 'started') throw new V3Error('INTERNAL', `unexpected ${event.type}`);
    const exited = this.next(later => later !== 'gone' && later.name === request.name).then(later =>
      later !== 'gone' && later.type === 'exited' ? later.why : 'the process that holds it was killed',
    );
    return { url: event.url, pid: event.pid, exited };
  }

  stop(name: DaemonName): void {
    this.send({ type: 'stop', name });
  }

  guard(pids: number[], files: string[]): void {
    this.send((this.wards = { type: 'wards', pids, files }));
  }

  /** Everything was stopped in order: nothing is left to outlive us for. */
  close(): void {
    this.child?.kill('SIGKILL');
  }

  /** The first event that matches, or `gone` when the anchor ended before. */
  private next(matches: (event: AnchorEvent | 'gone') => boolean): Promise<AnchorEvent | 'gone'> {
    return new Promise(resolve => {
      const listener = (event: AnchorEvent | 'gone') => {
        if (event !== 'gone' && !matches(event)) return;
        this.listeners.delete(listener);
        resolve(event);
      };
      this.listeners.add(listener);
    });
  }

  private send(request: AnchorRequest): void {
    if (!this.child?.connected) this.spawn();
    this.child?.send(request, () => {}); // its `exit` says that it is gone
  }

  private spawn(): void {
    const child = fork(this.script, [], { stdio: 'ignore', detached: true, execArgv: [] });
    this.child = child;
    child.on('message', event => this.tell(event as AnchorEvent));
    child.on('error', () => {}); // `exit` follows
    child.on('exit', () => this.tell('gone'));
    child.send(this.wards, () => {});
    child.unref();
    child.channel?.unref();
  }

  private tell(event: AnchorEvent | 'gone'): void {
    for (const listener of [...this.listeners]) listener(event);
  }
}

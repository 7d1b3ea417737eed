/**
 * The anchor: the process that NATS and Postgres are children of. It outlives a killed supervisor for as long as the
 * services need to stop in order: they see their lifeline end, Palacios saves its guests, and for that the database
 * must still be there. Then it stops NATS and Postgres and ends. They in turn die with it (PR_SET_PDEATHSIG).
 */
import { rmSync } from 'node:fs';
import { V3Error } from '@v3vee/contracts';
import { startNats, startPostgres, type Daemon } from '@v3vee/setup';
import type { AnchorEvent, AnchorRequest, DaemonName } from './anchor-messages';
import { LogFile } from './log-file';
import { reap } from './reaper';

/** Palacios needs the most: it writes its guests' memory to disk. */
const SERVICES_GRACE_MS = 60_000;

class Anchor {
  private readonly daemons = new Map<DaemonName, Daemon>();
  private readonly logs = new Map<string, LogFile>();
  private wards: Extract<AnchorRequest, { type: 'wards' }> = { type: 'wards', pids: [], files: [] };

  async handle(request: AnchorRequest): Promise<void> {
    if (request.type === 'wards') this.wards = request;
    else if (request.type === 'stop') await this.daemons.get(request.name)?.stop();
    else await this.start(request);
  }

  /** The supervisor is gone without having stopped what it started. */
  async supervisorDied(): Promise<void> {
    const { pids, files } = this.wards;
    await reap(pids, SERVICES_GRACE_MS);
    await Promise.all([...this.daemons.values()].map(daemon => daemon.stop()));
    for (const file of files) rmSync(file, { force: true });
  }

  private async start(request: Extract<AnchorRequest, { type: 'start' }>): Promise<void> {
    const { name, program, dir, port, authorization } = request;
    const log = this.logs.get(request.log) ?? new LogFile(request.log);
    this.logs.set(request.log, log);
    const onLine = (line: string) => log.write(`${line}\n`);
    try {
      const daemon =
        name === 'nats'
          ? await startNats({ program, dir, port, authorization, onLine })
          : await startPostgres({ binaries: program, dir, port, onLine });
      this.daemons.set(name, daemon);
      tell({ type: 'started', name, url: daemon.url, pid: daemon.pid });
      void daemon.exited.then(why => {
        this.daemons.delete(name);
        tell({ type: 'exited', name, why });
      });
    } catch (error) {
      tell({ type: 'failed', name, problem: V3Error.from(error).toProblem() });
    }
  }
}

function tell(event: AnchorEvent): void {
  if (process.connected) process.send?.(event, () => {}); // the supervisor may die in this moment
}

const anchor = new Anchor();
process.on('message', (request: AnchorRequest) => void anchor.handle(request));
process.on('disconnect', () => void anchor.supervisorDied().finally(() => process.exit(0)));
// Whoever tidies up after a killed supervisor may signal all that is left: we end last, by ourselves.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

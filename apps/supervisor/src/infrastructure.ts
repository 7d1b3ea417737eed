import { join } from 'node:path';
import { ensureNats, ensurePostgres, freePort, type Paths } from '@v3vee/setup';
import type { AnchorLink } from './anchor-link';
import type { DaemonName } from './anchor-messages';
import type { Member } from './cluster';
import type { Running, Unit } from './unit';

/** What the services stand on: a NATS server and a Postgres, ours or the ones that the environment names. */
export interface Infrastructure {
  members: Member[];
  natsUrl: () => string;
  databaseUrl: () => string;
}

export interface InfrastructureOptions {
  paths: Paths;
  anchor: AnchorLink;
  logPath: (name: string) => string;
  env: NodeJS.ProcessEnv;
}

export function createInfrastructure({ paths, anchor, logPath, env }: InfrastructureOptions): Infrastructure {
  const { cache, state } = paths;
  const unit = (name: DaemonName, program: () => Promise<string>) =>
    new AnchoredUnit({ name, anchor, program, dir: join(state, name), log: logPath(name) });
  const nats = env.NATS_URL ? undefined : unit('nats', () => ensureNats({ cache }));
  const postgres = env.DATABASE_URL ? undefined : unit('postgres', () => ensurePostgres({ cache }));
  return {
    members: [nats, postgres].filter(own => own !== undefined).map(own => ({ unit: own, after: [] })),
    natsUrl: () => nats?.url ?? (env.NATS_URL as string),
    databaseUrl: () => postgres?.url ?? (env.DATABASE_URL as string),
  };
}

interface AnchoredOptions {
  name: DaemonName;
  anchor: AnchorLink;
  program: () => Promise<string>;
  dir: string;
  log: string;
}

/** NATS or Postgres, held by the anchor. Its port stays the same over restarts, because the services know it. */
class AnchoredUnit implements Unit {
  readonly name: string;
  url: string | undefined;
  private port: number | undefined;

  constructor(private readonly options: AnchoredOptions) {
    this.name = options.name;
  }

  async start(_signal: AbortSignal, onPid: (pid: number) => void): Promise<Running> {
    const { name, anchor, dir, log } = this.options;
    const program = await this.options.program();
    // A port that was taken in the meantime: the next attempt looks for another, until one was in use.
    const port = this.port ?? (await freePort());
    const daemon = await anchor.start({ name, program, dir, port, log });
    this.port = port;
    this.url = daemon.url;
    onPid(daemon.pid);
    return {
      pid: daemon.pid,
      url: withoutCredentials(daemon.url),
      exited: daemon.exited,
      stop: async () => {
        anchor.stop(name);
        await daemon.exited;
      },
      kill: () => void kill(daemon.pid),
    };
  }
}

/** What is shown in `v3 status` may end up in a bug report. */
function withoutCredentials(text: string): string {
  const url = new URL(text);
  url.password = '';
  return url.toString();
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it has ended
  }
}

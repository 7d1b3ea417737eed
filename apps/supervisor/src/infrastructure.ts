import { join } from 'node:path';
import { ensureNats, ensurePostgres, freePort, type Paths } from '@v3vee/setup';
import type { AnchorLink } from './anchor-link';
import type { DaemonName } from './anchor-messages';
import type { Member } from './cluster';
import { NatsUsers } from './nats-users';
import type { Running, Unit } from './unit';

/** What the services stand on: a NATS server and a Postgres, ours or the ones that the environment names. */
export interface Infrastructure {
  members: Member[];
  /** For one user of the server, if it is ours; the address that the environment names is everyone's. */
  natsUrl: (user: string) => string;
  /** Lets the processes of these hosts use NATS, and those of no others. */
  admit: (hosts: readonly string[]) => Promise<void>;
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
  const users = new NatsUsers(join(state, 'nats'));
  const unit = (name: DaemonName, program: () => Promise<string>, authorization?: string) =>
    new AnchoredUnit({ name, anchor, program, dir: join(state, name), log: logPath(name), authorization });
  const nats = env.NATS_URL ? undefined : unit('nats', () => ensureNats({ cache }), users.file);
  const natsUrl = (user: string) =>
    nats ? users.urlFor(user, nats.url as string) : (env.NATS_URL as string);
  const postgres = env.DATABASE_URL ? undefined : unit('postgres', () => ensurePostgres({ cache }));
  return {
    members: [nats, postgres].filter(own => own !== undefined).map(own => ({ unit: own, after: [] })),
    natsUrl,
    admit: async hosts => {
      if (!nats || !(await users.write(hosts)) || !nats.reload()) return;
      const newest = hosts.at(-1);
      if (newest) await users.letIn(`kitten-${newest}`, () => nats.url as string);
    },
    databaseUrl: () => postgres?.url ?? (env.DATABASE_URL as string),
  };
}

interface AnchoredOptions {
  name: DaemonName;
  anchor: AnchorLink;
  program: () => Promise<string>;
  dir: string;
  log: string;
  authorization?: string;
}

/** NATS or Postgres, held by the anchor. Its port stays the same over restarts, because the services know it. */
class AnchoredUnit implements Unit {
  readonly name: string;
  url: string | undefined;
  private port: number | undefined;
  private pid: number | undefined;

  constructor(private readonly options: AnchoredOptions) {
    this.name = options.name;
  }

  async start(_signal: AbortSignal, onPid: (pid: number) => void): Promise<Running> {
    const { name, anchor, dir, log, authorization } = this.options;
    const program = await this.options.program();
    // A port that was taken in the meantime: the next attempt looks for another, until one was in use.
    const port = this.port ?? (await freePort());
    const daemon = await anchor.start({ name, program, dir, port, log, authorization });
    this.port = port;
    this.url = daemon.url;
    this.pid = daemon.pid;
    void daemon.exited.then(() => (this.pid = undefined));
    onPid(daemon.pid);
    return {
      pid: daemon.pid,
      url: withoutCredentials(daemon.url),
      exited: daemon.exited,
      stop: async () => {
        anchor.stop(name);
        await daemon.exited;
      },
      kill: () => void signal(daemon.pid, 'SIGKILL'),
    };
  }

  /** Has it read its configuration again; false: it does not run, and reads it when it starts. */
  reload(): boolean {
    return this.pid !== undefined && signal(this.pid, 'SIGHUP');
  }
}

/** What is shown in `v3 status` may end up in a bug report. */
function withoutCredentials(text: string): string {
  const url = new URL(text);
  url.password = '';
  return url.toString();
}

function signal(pid: number, name: 'SIGKILL' | 'SIGHUP'): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false; // it has ended
  }
}

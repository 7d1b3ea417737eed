import type { Problem } from '@v3vee/contracts';

export type DaemonName = 'nats' | 'postgres';

/** From the supervisor to the anchor, over IPC. */
export type AnchorRequest =
  | {
      type: 'start';
      name: DaemonName;
      program: string;
      dir: string;
      port: number;
      log: string;
      /** Of NATS: the file that names its users. */
      authorization?: string;
    }
  | { type: 'stop'; name: DaemonName }
  /** What to end when the supervisor dies: the services' processes, then the files that say that a cluster runs. */
  | { type: 'wards'; pids: number[]; files: string[] };

/** From the anchor to the supervisor. */
export type AnchorEvent =
  | { type: 'started'; name: DaemonName; url: string; pid: number }
  | { type: 'failed'; name: DaemonName; problem: Problem }
  | { type: 'exited'; name: DaemonName; why: string };

import type { NicSettingsPatch } from '@v3vee/contracts';

/** What the lab and the processes of its hosts say to each other, over the IPC channel of `child_process.fork`. */

export interface GuestSpec {
  name: string;
  mac: string;
  /** Dotted; all guests are in one /24. */
  ip: string;
}

export interface HostSetup {
  host: string;
  natsUrl: string;
}

/** Each request with its answer. */
export interface HostCalls {
  setUp(setup: HostSetup): void;
  start(guest: GuestSpec): void;
  /** Native wiring between these guests, each with its peer; null: all are on the overlay. */
  wire(peers: Record<string, string> | null): void;
  /** How the guest's card is served from now on. */
  nic(guest: string, settings: NicSettingsPatch): void;
  /** Runs a command in a guest's shell and answers what it printed. */
  sh(guest: string, command: string): string;
  run(guest: string): void;
  pause(guest: string): void;
}

export interface Request {
  id: number;
  call: keyof HostCalls;
  args: unknown[];
}
export interface Response {
  id: number;
  result?: unknown;
  error?: string;
}

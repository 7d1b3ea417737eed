export type OutputStream = 'stdout' | 'stderr';

/** What a rank's thread is started with. */
export interface RankSetup {
  module: WebAssembly.Module;
  rank: number;
  /** Of all ranks of the job, this one's too: shared, at their full size. */
  memories: readonly WebAssembly.Memory[];
  /** See {@link Gate}. */
  gate: SharedArrayBuffer;
  /** What the ranks speak over; see {@link Communicator}. */
  shared: SharedArrayBuffer;
  /** The program's name first. */
  args: readonly string[];
  /** `NAME=value` */
  env: readonly string[];
  /** A rank that prints more is ended. */
  outputBytes: number;
}

export type FromRank =
  | { type: 'output'; stream: OutputStream; data: Uint8Array }
  | { type: 'exit'; code: number }
  | { type: 'failed'; reason: string };

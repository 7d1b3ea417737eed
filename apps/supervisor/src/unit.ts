/** What can be started, watched and stopped: one process of the cluster. */
export interface Unit {
  readonly name: string;
  /**
   * Starts it; resolves when it is ready to serve, rejects with the reason why it is not (its process is then gone).
   * @param signal aborted when it shall not start after all
   * @param onPid its process exists, ready or not
   */
  start(signal: AbortSignal, onPid: (pid: number) => void): Promise<Running>;
}

export interface Running {
  pid: number;
  /** Where it serves, without credentials; null where that is nobody's business. */
  url: string | null;
  /** `HOST:PORT` where it serves gRPC, if it does. */
  grpc?: string;
  /** Resolves with the reason when its process has ended, wanted or not. Never rejects. */
  exited: Promise<string>;
  /** Asks it to end in order, and ends it when it takes too long. Resolves when it is gone. */
  stop(): Promise<void>;
  /** Ends it at once. */
  kill(): void;
}

import type { Supervisor } from './supervisor';

/**
 * Every way to ask the supervisor to stop: signals, a Ctrl-C passed on by the command that started it, and that
 * command's death. The first stops in order, the second says what that still waits for, the third kills.
 */
export class StopRequests {
  private count = 0;

  constructor(
    private readonly supervisor: Pick<Supervisor, 'down' | 'kill' | 'unfinished'>,
    private readonly notice: (text: string) => void,
  ) {}

  /** @param detached the command that started us may end without stopping us */
  listen(detached: boolean): void {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => this.request());
    process.on('message', (message: { type?: unknown } | null) => {
      if (message?.type === 'stop') this.request();
    });
    process.on('disconnect', () => {
      // Not a further request: the command may have died while it waited for the stop it asked for.
      if (!detached && this.count === 0) this.request();
    });
  }

  get killed(): boolean {
    return this.count > 2;
  }

  request(): void {
    this.count++;
    if (this.count === 1) {
      void this.supervisor.down();
    } else if (this.count === 2) {
      const left = this.supervisor.unfinished.join(', ') || 'the last services';
      this.notice(
        `still stopping ${left}; guests are being saved. Once more kills everything and loses that`,
      );
    } else {
      this.supervisor.kill();
    }
  }
}

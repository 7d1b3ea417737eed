import type { Bus, Stoppable } from '@v3vee/bus';
import { coreGrants, coreReports, GRANTS_AGAIN_MS } from '@v3vee/contracts';
import type { HostKernel } from './host-kernel';

/**
 * Tells Palacios which of its guests have their cores, and hears from it what they do. While no core is shared,
 * nothing is said.
 */
export class CoreTime {
  private kernel: HostKernel | undefined;
  private readonly parts: Stoppable[] = [];
  private seq = 0;
  private due = false;
  /** What was said last has tasks that share. */
  private said = false;
  private heard: { incarnation: string; seq: number } | undefined;

  constructor(
    private readonly bus: Bus,
    private readonly host: string,
    private readonly incarnation: string,
  ) {}

  start(kernel: HostKernel): void {
    this.kernel = kernel;
    const again = setInterval(() => this.say(), GRANTS_AGAIN_MS);
    this.parts.push(
      { stop: () => clearInterval(again) },
      this.bus.onReconnect(() => this.say()),
      this.bus.listen(coreReports, this.host, ({ incarnation, seq, tasks }) => {
        if (this.heard?.incarnation === incarnation && seq <= this.heard.seq) return;
        this.heard = { incarnation, seq };
        for (const { task, state, usedMs } of tasks) kernel.report(task, state, usedMs);
      }),
    );
  }

  /** Soon: what changes in one go is said at once. */
  readonly changed = (): void => {
    if (this.due) return;
    this.due = true;
    queueMicrotask(() => {
      this.due = false;
      this.say();
    });
  };

  stop(): void {
    for (const part of this.parts) part.stop();
  }

  private say(): void {
    const tasks = this.kernel?.grants() ?? [];
    if (tasks.length === 0 && !this.said) return;
    this.said = tasks.length > 0;
    this.bus.announce(coreGrants, this.host, { incarnation: this.incarnation, seq: ++this.seq, tasks });
  }
}

import type { DmaWindow, IoAccess } from '@v3vee/contracts';
import { DeviceFault, type DmaAccess } from '@v3vee/devices';
import type { Account } from './account';
import { HookList } from './hook-list';
import type { FromSharedCard, ModelState, ToSharedCard } from './messages';
import type { SharedCardHost } from './shared-card';
import type { Trace } from './trace';

type Verdict = Extract<ToSharedCard, { kind: 'verdict' }>;

/**
 * What the DMM decided about a guest's accesses, and the way to ask it: the hooked I/O list and the DMA windows in force,
 * and the model's knowledge that they follow from.
 */
export class Exits {
  hooks = new HookList();
  /** A verdict is waited for: the card must stay. */
  asking = false;
  private windows: readonly DmaWindow[] = [];
  private verdict: Verdict | undefined;
  private sequence = 0;

  constructor(
    private readonly name: string,
    public state: ModelState,
    private readonly host: SharedCardHost,
    private readonly counts: Account,
    private readonly trace: Trace,
  ) {}

  /** From the DMM: what is absent is as it was. */
  inForce({ state, hooks, windows }: Pick<Verdict, 'state' | 'hooks' | 'windows'>): void {
    if (state) this.state = state;
    if (hooks) this.hooks = new HookList(hooks);
    if (windows) this.windows = windows;
  }

  /** Whether a window that a register opened holds all of a transfer. */
  covers({ direction, address, length }: DmaAccess): boolean {
    return this.windows.some(
      window =>
        window.direction === direction &&
        address >= window.address &&
        address + length <= window.address + window.length,
    );
  }

  /** Whether an access may be made. The guest's thread stands still. @throws DeviceFault that is the end of the guest */
  allows(access: IoAccess): boolean {
    return this.decide({ kind: 'exit', sequence: ++this.sequence, access, state: this.state });
  }

  /** The guard stopped a transfer. @throws DeviceFault that is the end of the guest */
  denied({ register, direction, address, length }: DmaAccess): void {
    this.counts.denied++;
    const denied = { register, direction, address, length };
    this.decide({ kind: 'violation', sequence: ++this.sequence, denied });
  }

  answered(verdict: Verdict): void {
    if (verdict.sequence === this.sequence) this.verdict = verdict;
  }

  private decide(question: Extract<FromSharedCard, { kind: 'exit' | 'violation' }>): boolean {
    const started = performance.now();
    this.asking = true;
    this.verdict = undefined;
    this.host.post(question);
    this.host.block(() => this.verdict !== undefined);
    this.asking = false;
    this.counts.exit(performance.now() - started);
    const { verdict, reason } = this.verdict!;
    this.inForce(this.verdict!);
    if (verdict !== 'proceed') this.trace.violation(reason);
    if (verdict === 'stop') throw new DeviceFault(this.name, reason);
    return verdict === 'proceed';
  }
}

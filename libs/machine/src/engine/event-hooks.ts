import type { Extension, HostEvent, HostEventKind, Unhook } from '@v3vee/devices';

interface Timer {
  periodMs: number;
  due: number;
  handler(now: number): void;
}

/** A guest has one core. */
const CORE = 0;

/** Hooks of what happens around the CPU: interrupt lines, guest time, the host, the VM's own life. */
export class EventHooks {
  private readonly lines = new Map<number, (irq: number) => boolean | void>();
  private readonly timers = new Set<Timer>();
  private readonly listeners = new Map<HostEventKind, ((event: HostEvent) => boolean | void)[]>();
  private readonly extensions = new Set<Extension>();
  private begun = false;
  private ended = false;

  interrupt(irq: number, handler: (irq: number) => boolean | void): Unhook {
    if (!Number.isInteger(irq) || irq < 0 || irq > 15) throw new Error(`there is no interrupt line ${irq}`);
    if (this.lines.has(irq)) throw new Error(`interrupt line ${irq} has a hook already`);
    this.lines.set(irq, handler);
    return () => void this.lines.delete(irq);
  }

  timer(periodMs: number, handler: (now: number) => void): Unhook {
    if (!(periodMs > 0)) throw new Error(`a timer's period is a number of ms, not ${periodMs}`);
    const timer = { periodMs, due: 0, handler };
    this.timers.add(timer);
    return () => void this.timers.delete(timer);
  }

  hostEvent(kind: HostEventKind, handler: (event: HostEvent) => boolean | void): Unhook {
    this.listeners.set(kind, [...(this.listeners.get(kind) ?? []), handler]);
    return () => {
      this.listeners.set(
        kind,
        this.listeners.get(kind)!.filter(each => each !== handler),
      );
    };
  }

  extension(extension: Extension): Unhook {
    this.extensions.add(extension);
    if (this.begun) begin(extension);
    return () => void this.extensions.delete(extension);
  }

  /** A line goes up. @returns whether the guest gets it */
  raised(irq: number): boolean {
    return this.lines.size === 0 || this.lines.get(irq)?.(irq) !== true;
  }

  /** @param now ms of guest time */
  timePassed(now: number): void {
    for (const timer of this.timers) {
      if (timer.due === 0) timer.due = now + timer.periodMs;
      if (now < timer.due) continue;
      // What was missed is not made up for.
      timer.due = now + timer.periodMs;
      timer.handler(now);
    }
  }

  /** @returns whether a hook took it */
  deliver(event: HostEvent): boolean {
    const { kind } = event;
    return (this.listeners.get(kind) ?? []).some(listener => listener(event) === true);
  }

  /** Guest code is about to run. */
  entering(): void {
    if (!this.begun) {
      this.begun = true;
      for (const extension of this.extensions) begin(extension);
    }
    for (const extension of this.extensions) extension.onEntry?.(CORE);
  }

  leaving(): void {
    for (const extension of this.extensions) extension.onExit?.(CORE);
  }

  /** The guest ended by itself. What fails now can stop nothing any more. */
  end(): void {
    if (!this.begun || this.ended) return;
    this.ended = true;
    for (const extension of this.extensions) {
      try {
        extension.deinitCore?.(CORE);
        extension.deinitVm?.();
      } catch {
        continue;
      }
    }
  }
}

function begin(extension: Extension): void {
  extension.initVm?.();
  extension.initCore?.(CORE);
}

import type { Engine } from './engine';
import { GuestExit } from './guest-exit';
import { Yielding } from './yielding';

/** The word that others add to and notify when there is something for this thread; see {@link RunLoop}. */
export type WakeWord = Int32Array<SharedArrayBuffer>;

/** The guest's core of the host, which it may have to share. */
export interface Core {
  /** For how long the guest must wait for it, ms; 0: it has it. */
  heldMs(): number;
  /** It wants the core, or needs none: it is halted, or stopped. */
  enter(state: 'RUNNING' | 'INTERRUPTIBLE' | 'STOPPED'): void;
  /** It was in guest code for so long. */
  used(ms: number): void;
}

export interface RunLoopHost {
  /** Absent: the guest always has one. Without it it stands still as if throttled, and is not stopped. */
  core?: Core;
  /** False: the guest must not run now, and is stopped. Absent: it always may. */
  mayRun?(): boolean;
  /** Takes in what arrived for the guest (frames, input, commands). True if there was anything. */
  drain(): boolean;
  /** The devices' turn, between two stretches of guest code; `now` as `performance.now()`. True if they had work. */
  poll(now: number): boolean;
  /** The thread is about to sleep: devices ask to be notified. True if one must be polled again instead. */
  settle(): boolean;
  /** Hands out what the guest produced. */
  flush(): void;
  /** The guest ended; it is not stepped again. */
  exited(exit: GuestExit): void;
  /** What {@link RunLoop.simulate} began is over, whatever stopped it: ms of guest time that it took. */
  simulated?(ranMs: number): void;
}

/** A shorter halt is not worth giving the core up. */
const SHORTEST_YIELD_MS = 1;
/**
 * How far past its next timer a halted guest may sleep when nothing happens around it. Linux ticks at 250 Hz even
 * when idle; with a reliable TSC its time-keeping catches up over missed ticks, so that this costs nothing but
 * precision of the guest's own timers.
 */
const QUIET_SLACK_MS = 16;
/** How long after the last I/O the guest counts as quiet. */
const QUIET_AFTER_MS = 250;
const LONGEST_SLEEP_MS = 100;

/**
 * Steps a guest and lets the thread sleep while the guest is halted. The engine's own loop spins when the next
 * timer is near, which costs a quarter of a core per idle VM.
 *
 * Sleeping is `Atomics.wait` on the wake word. To lose no wake, the word is read *before* the loop looks for
 * work: whoever posts work posts it first and changes the word afterwards.
 */
export class RunLoop {
  private running = false;
  private scheduled = false;
  private seen: number;
  private lastIo = 0;
  private share = 0;
  /** Of a throttled guest: until when it must not run. */
  private heldUntil = 0;
  /** A stretch of guest time that is simulated: from when until when, by the engine's clock. */
  private simulation: { from: number; until: number } | undefined;
  /** Milliseconds spent in guest code, and asleep because the guest was halted. */
  busyMs = 0;
  idleMs = 0;
  /** When the thread goes back to its host, and how long it keeps it from the event loop (where translated code arrives). */
  readonly yielding = new Yielding();

  constructor(
    private readonly engine: Engine,
    private readonly wake: WakeWord,
    private readonly host: RunLoopHost,
  ) {
    this.seen = Atomics.load(wake, 0);
  }

  get isRunning(): boolean {
    return this.running;
  }

  start(): void {
    if (this.running) return;
    this.engine.clock.thaw();
    this.running = true;
    this.host.core?.enter('RUNNING');
    this.noteIo();
    this.schedule();
  }

  /** Runs for some ms of guest time, and stops within one more: it is looked at between two steps. */
  simulate(ms: number): void {
    const from = this.engine.clock.now;
    this.simulation = { from, until: from + ms };
    this.start();
  }

  /** At once: guest code never runs outside of a step. */
  stop(): void {
    if (!this.running) return;
    this.running = false;
    this.host.core?.enter('STOPPED');
    this.engine.clock.freeze();
    if (!this.simulation) return;
    const { from } = this.simulation;
    this.simulation = undefined;
    this.host.flush();
    this.host.simulated?.(this.engine.clock.now - from);
  }

  /** @param share of the guest's time that it must not run, 0 … 0.95 */
  throttle(share: number): void {
    this.share = share;
    this.heldUntil = 0;
  }

  /** There is I/O, as the host says: answer timers exactly for a while. */
  noteIo(): void {
    this.lastIo = performance.now();
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      this.turn();
      if (this.running) this.schedule();
    });
  }

  private turn(): void {
    const end = performance.now() + this.yielding.quantumMs;
    let now = performance.now();
    while (this.running && now < end) {
      if (this.host.mayRun?.() === false || this.leftMs() <= 0) return this.stop();
      const held = Math.max(this.heldUntil - now, this.host.core?.heldMs() ?? 0);
      if (held > 0) {
        this.hold(held);
        now = performance.now();
        continue;
      }
      const started = now;
      const wait = this.step();
      now = performance.now();
      this.busyMs += now - started;
      this.host.core?.used(now - started);
      if (this.share > 0) this.heldUntil = now + ((now - started) * this.share) / (1 - this.share);
      if (!this.running) return;
      const seen = Atomics.load(this.wake, 0);
      const drained = seen !== this.seen && this.host.drain();
      this.seen = seen;
      const worked = this.running && this.host.poll(now);
      this.host.flush();
      if (wait === 0 || drained || worked || !this.running) {
        this.yielding.worked();
        continue;
      }
      const longest = this.yielding.idle(now);
      if (longest > 0 && !this.host.settle() && this.running)
        this.sleep(Math.min(wait, longest), seen, longest);
      const woken = performance.now();
      this.idleMs += woken - now;
      now = woken;
    }
    this.yielding.counters.quanta++;
  }

  /** Of what is simulated. */
  private leftMs(): number {
    return this.simulation ? this.simulation.until - this.engine.clock.now : Infinity;
  }

  private step(): number {
    try {
      return this.engine.step();
    } catch (exit) {
      this.stop();
      this.host.flush();
      this.host.exited(exit as GuestExit);
      return 0;
    }
  }

  private sleep(wait: number, seen: number, longest: number): void {
    const slack = performance.now() - this.lastIo > QUIET_AFTER_MS ? QUIET_SLACK_MS : 0;
    const ms = Math.min(wait + slack, longest, this.leftMs(), LONGEST_SLEEP_MS);
    const core = ms >= SHORTEST_YIELD_MS ? this.host.core : undefined;
    this.yielding.slept(ms);
    core?.enter('INTERRUPTIBLE');
    this.waitForWake(ms, seen);
    if (this.running) core?.enter('RUNNING');
  }

  /** A guest that is throttled or has not its core stands still; its devices live on. */
  private hold(wait: number): void {
    this.waitForWake(wait, this.seen);
    this.host.flush();
  }

  private waitForWake(wait: number, seen: number): void {
    if (Atomics.wait(this.wake, 0, seen, Math.min(wait, LONGEST_SLEEP_MS)) !== 'timed-out') {
      this.seen = Atomics.load(this.wake, 0);
      this.host.drain();
      if (this.running) this.host.poll(performance.now());
    }
  }
}

/** For those who posted work: changes the word and wakes the sleeper. */
export function wakeUp(word: WakeWord): void {
  Atomics.add(word, 0, 1);
  Atomics.notify(word, 0);
}

import type { NicMode } from '@v3vee/contracts';

/** Who starts the work in one direction: the guest by a kick (an exit), or the VMM's dispatcher by looking. */
export type Drive = 'guest-driven' | 'vmm-driven';

/** Thresholds of the adaptive mode in frames per second, and its window (VNET/P, section "Virtio NIC modes"). */
export const ADAPTIVE = { above: 10_000, below: 1_000, windowMs: 10 } as const;

/** Frames that the dispatcher takes from one device in one direction and turn, as VNET/P's does. */
export const DISPATCH_QUOTA = 64;

/**
 * The dispatch mode of one direction of a NIC. `adaptive` starts guest-driven, becomes vmm-driven when more frames
 * pass than {@link ADAPTIVE} says, and returns when fewer do; between the two thresholds it stays as it is.
 *
 * What is expected in a window is rate × elapsed µs / 10^6. VNET/P's published code has that comparison inverted
 * and a window of 10 ms; its paper says 5 ms. We take the code's window and the paper's intent.
 */
export class DispatchMode {
  private configured: NicMode = 'guest-driven';
  private drive: Drive = 'guest-driven';
  private changes = 0;
  private frames = 0;
  private windowStart: number | undefined;

  get mode(): NicMode {
    return this.configured;
  }

  /** In force now. */
  get inForce(): Drive {
    return this.drive;
  }

  /** How often the drive in force changed. */
  get switches(): number {
    return this.changes;
  }

  /** @returns whether the drive in force changed */
  set(mode: NicMode): boolean {
    if (mode === this.configured) return false;
    this.configured = mode;
    this.frames = 0;
    this.windowStart = undefined;
    return this.change(mode === 'adaptive' ? 'guest-driven' : mode);
  }

  /** Frames passed in this direction. */
  note(frames: number): void {
    this.frames += frames;
  }

  /**
   * Closes the window if it is over.
   * @param now milliseconds of any clock that does not go back
   * @returns whether the drive in force changed
   */
  tick(now: number): boolean {
    if (this.configured !== 'adaptive') return false;
    if (this.windowStart === undefined) this.windowStart = now;
    const elapsed = now - this.windowStart;
    if (elapsed < ADAPTIVE.windowMs) return false;
    const { frames } = this;
    const expected = (perSecond: number) => (perSecond * elapsed * 1000) / 1e6;
    this.frames = 0;
    this.windowStart = now;
    if (frames > expected(ADAPTIVE.above)) return this.change('vmm-driven');
    if (frames < expected(ADAPTIVE.below)) return this.change('guest-driven');
    return false;
  }

  private change(drive: Drive): boolean {
    if (drive === this.drive) return false;
    this.drive = drive;
    this.changes++;
    return true;
  }
}

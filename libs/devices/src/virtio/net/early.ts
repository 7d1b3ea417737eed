/**
 * The early half of optimistic interrupts (VNET/P+, SC 2012). Reconstructed: the paper describes the idea, its code
 * was never published. The guest is interrupted when frames for it are known to be on their way, so that it enters
 * its handler while the host still processes them; a second interrupt tells the end of the batch.
 *
 * An early interrupt that the driver takes before a frame is there is spurious. After one, none is injected until a
 * frame arrived: at most every second interrupt is for nothing, far from the 99.9 % at which Linux cuts a line off.
 */
export class EarlyInterrupts {
  enabled = false;
  private outstanding = false;
  private taken = false;
  private count = 0;
  private wasted = 0;

  get injected(): number {
    return this.count;
  }

  get spurious(): number {
    return this.wasted;
  }

  /** Frames are on their way. @returns whether to interrupt now */
  expect(): boolean {
    if (!this.enabled || this.outstanding) return false;
    this.outstanding = true;
    this.taken = false;
    this.count++;
    return true;
  }

  /** Frames are in the guest's ring. */
  delivered(): void {
    this.outstanding = false;
  }

  /** The driver took an interrupt and is about to look into its rings. */
  acknowledged(): void {
    if (!this.outstanding || this.taken) return;
    this.taken = true;
    this.wasted++;
  }

  reset(): void {
    this.outstanding = false;
  }
}

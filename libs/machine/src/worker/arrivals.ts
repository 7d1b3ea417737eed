/**
 * Counts of the frames that were announced to a guest's thread, in memory that both threads see, a word per NIC.
 * A message takes a while to arrive: what was announced and not yet received is on its way.
 */
export class Arrivals {
  /** The first word is the wake word of the run loop. */
  static bytes(nics: number): number {
    return 4 * (1 + nics);
  }

  private readonly announced: Int32Array;
  private readonly taken: Int32Array;

  constructor(shared: SharedArrayBuffer) {
    this.announced = new Int32Array(shared, 4);
    this.taken = new Int32Array(this.announced.length);
  }

  /** The sender's side. False if there is no such NIC. */
  announce(nic: number, frames: number): boolean {
    if (nic < 0 || nic >= this.announced.length) return false;
    Atomics.add(this.announced, nic, frames);
    return true;
  }

  /** The receiver's side. */
  received(nic: number, frames: number): void {
    if (nic >= 0 && nic < this.taken.length) this.taken[nic]! += frames;
  }

  /** Whether frames for this NIC are on their way; the counts may wrap. */
  underWay(nic: number): boolean {
    return ((Atomics.load(this.announced, nic) - this.taken[nic]!) | 0) > 0;
  }
}

import type { VmDefinition } from '@v3vee/store';
import type { OverlayNode, Port } from '@v3vee/overlay';

/** The cards of a guest, seen from outside; `Guest` of libs/machine is one. */
export interface Cards {
  sendFrames(nic: number, frames: Uint8Array[]): void;
  onFrames(listener: (nic: number, frames: Uint8Array[]) => void): () => void;
  /** Answers after everything that was sent to the guest's thread before. */
  telemetry(): Promise<unknown>;
}

/** Bytes on their way to a guest's thread. More is dropped: a thread that stands still must not eat the memory. */
const MAX_UNDERWAY = 16 << 20;
/** From here on the thread is asked how far it is. */
const ASK_FROM = 4 << 20;

/** Plugs a VM's NICs into the overlay, and out again. Frames pass in the bursts they come in. */
export class NicPlugs {
  /** Frames that the guest's thread was too slow for, by NIC. */
  readonly dropped: number[];
  readonly #ports: Port[];
  readonly #stopListening: () => void;
  #underway = 0;
  #asking = false;

  constructor(
    private readonly overlay: Pick<OverlayNode, 'attach' | 'detach' | 'transmit'>,
    { id, epoch, nics }: Pick<VmDefinition, 'id' | 'epoch' | 'nics'>,
    private readonly cards: Cards,
  ) {
    this.dropped = nics.map(() => 0);
    this.#ports = nics.map(({ vni, mac }, index) => ({
      vni,
      mac,
      vmId: id,
      epoch,
      deliver: frames => this.#deliver(index, frames),
    }));
    this.#stopListening = cards.onFrames((nic, frames) => {
      const port = this.#ports[nic];
      if (port) overlay.transmit(port, frames);
    });
  }

  /**
   * Frames of this host arrive at once; the promise resolves when those of all other hosts do.
   * @throws V3Error MAC_IN_USE
   */
  async plug(): Promise<void> {
    await Promise.all(this.#ports.map(port => this.overlay.attach(port)));
  }

  /** No frame passes from now on; resolves when the other hosts know. */
  async unplug(): Promise<void> {
    this.#stopListening();
    await Promise.all(this.#ports.map(port => this.overlay.detach(port)));
  }

  #deliver(nic: number, frames: Uint8Array[]): void {
    if (this.#underway >= MAX_UNDERWAY) {
      this.dropped[nic] = (this.dropped[nic] ?? 0) + frames.length;
      return;
    }
    // Copies, because sending moves the buffers to the guest's thread and others may be reading these.
    const copies = frames.map(frame => frame.slice());
    for (const { length } of copies) this.#underway += length;
    this.cards.sendFrames(nic, copies);
    if (this.#underway >= ASK_FROM && !this.#asking) void this.#ask();
  }

  async #ask(): Promise<void> {
    this.#asking = true;
    const asked = this.#underway;
    try {
      await this.cards.telemetry();
      this.#underway -= asked;
    } catch {
      // It ended, or it stands still: then the limit holds.
    } finally {
      this.#asking = false;
    }
  }
}

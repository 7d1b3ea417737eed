import type { Impairment } from '@v3vee/contracts';
import { Line, type NicPort, type OverlayNode, type Tap } from '@v3vee/overlay';
import type { VmDefinition } from '@v3vee/store';

/** The cards of a guest, seen from outside; `Guest` of libs/machine is one. */
export interface Cards {
  sendFrames(nic: number, frames: Uint8Array[]): void;
  onFrames(listener: (nic: number, frames: Uint8Array[]) => void): () => void;
  /** Answers after everything that was sent to the guest's thread before. */
  telemetry(): Promise<unknown>;
}

/** One NIC's plug: its port in the overlay, the line in each direction, and where captures watch it. */
interface Plug {
  readonly port: NicPort;
  readonly out: Line;
  readonly in: Line;
  readonly tap: Tap;
  /** Frames that the guest's thread was too slow for. */
  congested: number;
  /** The cable of a physical card; a virtio card knows the state of its link itself. */
  connected: boolean;
  disconnected: number;
}

/** Bytes on their way to a guest's thread. More is dropped: a thread that stands still must not eat the memory. */
const MAX_UNDERWAY = 16 << 20;
/** From here on the thread is asked how far it is. */
const ASK_FROM = 4 << 20;

/**
 * Plugs a VM's NICs into the overlay, and out again. Frames pass in the bursts they come in.
 *
 * A capture sees what tcpdump on the host's end of the cable would: what the guest sends before its line impairs
 * it, and what reaches the guest after that.
 */
export class NicPlugs {
  readonly #plugs: Plug[];
  readonly #stopListening: () => void;
  #underway = 0;
  #asking = false;

  constructor(
    private readonly overlay: Pick<OverlayNode, 'attach' | 'detach' | 'transmit' | 'taps'>,
    { id, epoch, nics }: Pick<VmDefinition, 'id' | 'epoch' | 'nics'>,
    private readonly cards: Cards,
  ) {
    this.#plugs = nics.map(({ vni, mac }, index) => {
      const place = { type: 'interface', mac } as const;
      const incoming = new Line('in', frames => this.#deliver(index, frames));
      const port: NicPort = { place, vni, vmId: id, epoch, deliver: frames => incoming.send(frames) };
      const out = new Line('out', frames => overlay.transmit(port, frames));
      return {
        port,
        out,
        in: incoming,
        tap: overlay.taps.at(vni, place),
        congested: 0,
        connected: true,
        disconnected: 0,
      };
    });
    nics.forEach(({ settings, device }, index) => {
      this.impair(index, settings.impairment);
      if (device) this.connect(index, settings.linkUp);
    });
    this.#stopListening = cards.onFrames((nic, frames) => {
      const plug = this.#plugs[nic];
      if (!plug) return;
      if (!plug.connected) {
        plug.disconnected += frames.length;
        return;
      }
      if (plug.tap.isWatched) plug.tap.see(frames, 'out');
      plug.out.send(frames);
    });
  }

  /**
   * Frames of this host arrive at once; the promise resolves when those of all other hosts do.
   * @throws V3Error MAC_IN_USE
   */
  async plug(): Promise<void> {
    await Promise.all(this.#plugs.map(({ port }) => this.overlay.attach(port)));
  }

  /** No frame passes from now on, and those on a delayed line are lost; resolves when the other hosts know. */
  async unplug(): Promise<void> {
    this.#stopListening();
    for (const plug of this.#plugs) {
      plug.out.stop();
      plug.in.stop();
    }
    await Promise.all(this.#plugs.map(({ port }) => this.overlay.detach(port)));
  }

  /** From now on; null: no impairment. Both directions draw their fates from the one seed. */
  impair(nic: number, impairment: Impairment | null): void {
    const plug = this.#plugs[nic];
    plug?.out.impair(impairment);
    plug?.in.impair(impairment);
  }

  /** Plugs the cable of a physical card in or out. */
  connect(nic: number, connected: boolean): void {
    const plug = this.#plugs[nic];
    if (plug) plug.connected = connected;
  }

  /** Frames lost between the overlay and each card, by the reason that clients see. */
  drops(): Record<string, number>[] {
    return this.#plugs.map(plug => ({
      'receive-congested': plug.congested,
      'cable-out': plug.disconnected,
      'transmit-impaired': plug.out.counters.lost,
      'receive-impaired': plug.in.counters.lost,
      'transmit-overflow': plug.out.counters.overflowed,
      'receive-overflow': plug.in.counters.overflowed,
    }));
  }

  #deliver(nic: number, frames: Uint8Array[]): void {
    const plug = this.#plugs[nic] as Plug;
    if (!plug.connected) {
      plug.disconnected += frames.length;
      return;
    }
    if (this.#underway >= MAX_UNDERWAY) {
      plug.congested += frames.length;
      return;
    }
    if (plug.tap.isWatched) plug.tap.see(frames, 'in');
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

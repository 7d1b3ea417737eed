import type { Impairment } from '@v3vee/contracts';
import { Line, type NicPort, type OverlayNode, type Tap } from '@v3vee/overlay';
import type { VmDefinition } from '@v3vee/store';

/** The cards of a guest, seen from outside; `Guest` of libs/machine is one. */
export interface Cards {
  sendFrames(nic: number, frames: Uint8Array[]): void;
  onFrames(listener: (nic: number, frames: Uint8Array[]) => void): () => void;
  /** Resolves when everything that was sent to the guest's thread before has been taken in. */
  caughtUp(): Promise<void>;
}

/** One NIC's plug: its port in the overlay, the line in each direction, and where captures watch it. */
interface Plug {
  /** Another one for each epoch. */
  port: NicPort;
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
/** Kept for a guest that moves; it stands still for some tens of ms. More is dropped. */
const MAX_HELD = 4 << 20;

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
  #plugged = false;
  /** Frames for a guest that moves, by NIC, until it is known where it goes on. */
  #held: { nic: number; frame: Uint8Array }[] | undefined;
  #heldBytes = 0;
  /** The host where it goes on. */
  #elsewhere: string | undefined;

  constructor(
    private readonly overlay: Pick<OverlayNode, 'attach' | 'detach' | 'transmit' | 'forward' | 'taps'>,
    { id, epoch, nics }: Pick<VmDefinition, 'id' | 'epoch' | 'nics'>,
    private readonly cards: Cards,
  ) {
    this.#plugs = nics.map(({ vni, mac }, index) => {
      const place = { type: 'interface', mac } as const;
      const incoming = new Line('in', frames => this.#deliver(index, frames));
      const port: NicPort = { place, vni, vmId: id, epoch, deliver: frames => incoming.send(frames) };
      const out = new Line('out', frames => overlay.transmit(this.#plugs[index]!.port, frames));
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
    this.#plugged = true;
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

  /**
   * Another epoch's from now on, with no frame lost; resolves when the other hosts know.
   */
  async renew(epoch: number): Promise<void> {
    const known = this.#plugs.map(plug => {
      const old = plug.port;
      plug.port = { ...old, epoch };
      if (!this.#plugged) return undefined;
      // In one step, which is announced as one.
      void this.overlay.detach(old);
      return this.overlay.attach(plug.port);
    });
    await Promise.all(known);
  }

  /** Keeps the frames for the guest. */
  hold(): void {
    this.#held ??= [];
  }

  /** They reach the guest. */
  release(): void {
    for (const { nic, frame } of this.#letGo()) this.#deliver(nic, [frame]);
  }

  /** They, and those that still come, go to the same NICs on another host. */
  forward(host: string): void {
    this.#elsewhere = host;
    for (const { nic, frame } of this.#letGo()) this.#deliver(nic, [frame]);
  }

  #letGo(): { nic: number; frame: Uint8Array }[] {
    const held = this.#held ?? [];
    this.#held = undefined;
    this.#heldBytes = 0;
    return held;
  }

  #hold(plug: Plug, nic: number, frames: Uint8Array[]): void {
    for (const frame of frames) {
      this.#heldBytes += frame.length;
      if (this.#heldBytes > MAX_HELD) plug.congested++;
      else this.#held?.push({ nic, frame: frame.slice() });
    }
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
    if (this.#elsewhere !== undefined) return this.overlay.forward(this.#elsewhere, plug.port, frames);
    if (this.#held) return this.#hold(plug, nic, frames);
    if (this.#underway >= MAX_UNDERWAY) {
      plug.congested += frames.length;
      return;
    }
    if (plug.tap.isWatched) plug.tap.see(frames, 'in');
    for (const { length } of frames) this.#underway += length;
    this.cards.sendFrames(nic, frames);
    if (this.#underway >= ASK_FROM && !this.#asking) void this.#ask();
  }

  async #ask(): Promise<void> {
    this.#asking = true;
    const asked = this.#underway;
    try {
      await this.cards.caughtUp();
      this.#underway -= asked;
    } catch {
      // It ended, or it stands still: then the limit holds.
    } finally {
      this.#asking = false;
    }
  }
}

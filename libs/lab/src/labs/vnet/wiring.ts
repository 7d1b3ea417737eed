import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { decodeFrameBatch, encodeFrameBatch, type Bus } from '@v3vee/bus';
import { defaultNicSettings, type NicSettings } from '@v3vee/contracts';
import type { Guest } from '@v3vee/machine';
import type { OverlayNode } from '@v3vee/overlay';
import { checkoutRoot } from '@v3vee/setup';
import type { GuestSpec } from './protocol';

/** The number of the lab's network; the cluster's own networks count from 1. */
const VNI = 0xff_0001;

/** What the lab uses of Palacios's NIC plugs. */
interface Plugs {
  plug(): Promise<void>;
}
type PlugsClass = new (
  overlay: OverlayNode,
  vm: { id: string; epoch: number; nics: { vni: number; mac: string; settings: NicSettings }[] },
  cards: Pick<Guest, 'sendFrames' | 'onFrames' | 'caughtUp'>,
) => Plugs;

/**
 * How the frames of a host's guests travel, switched while they run: the same guests, warmed by the same traffic,
 * serve both sides of a comparison, and nothing but the overlay differs.
 *
 * - *native*: a burst goes as it is to the thread of the other guest, or over NATS as one message to the process
 *   that has it. Nothing looks into a frame, counts it or asks where it should go.
 * - *overlay*: Palacios's own way: NIC plugs, VNET core, route cache, frame batches.
 */
export class Wiring {
  private readonly guests = new Map<string, Guest>();
  private peers: Record<string, string> | null = null;

  constructor(
    private readonly bus: Bus,
    private readonly node: OverlayNode,
  ) {}

  /** Connects a guest both ways; resolves when the overlay's other hosts know it. */
  async add({ name, mac }: GuestSpec, guest: Guest): Promise<void> {
    this.guests.set(name, guest);
    guest.onFrames((_, frames) => {
      const peer = this.peers?.[name];
      if (peer) this.sendNative(peer, frames);
    });
    this.bus.subscribeRaw(nativeSubject(name), bytes =>
      guest.sendFrames(
        0,
        decodeFrameBatch(bytes).map(({ frame }) => frame),
      ),
    );
    const NicPlugs = palaciosNicPlugs();
    const plugs = new NicPlugs(
      this.node,
      { id: randomUUID(), epoch: 1, nics: [{ vni: VNI, mac, settings: defaultNicSettings }] },
      {
        sendFrames: (nic, frames) => guest.sendFrames(nic, frames),
        onFrames: listener => guest.onFrames((nic, frames) => !this.peers && listener(nic, frames)),
        caughtUp: () => guest.caughtUp(),
      },
    );
    await plugs.plug();
  }

  use(peers: Record<string, string> | null): void {
    this.peers = peers;
  }

  private sendNative(peer: string, frames: Uint8Array[]): void {
    const neighbour = this.guests.get(peer);
    if (neighbour) neighbour.sendFrames(0, frames);
    else
      this.bus.publishRaw(nativeSubject(peer), encodeFrameBatch(frames.map(frame => ({ vni: VNI, frame }))));
  }
}

const nativeSubject = (guest: string): string => `lab.vnet.native.${guest}`;

/** Palacios's own class, as its process loads it: a library may not import an app, but this is what is measured. */
function palaciosNicPlugs(): PlugsClass {
  const file = join(checkoutRoot, 'apps/palacios/dist/machines/nic-plugs.js');
  return (createRequire(file)(file) as { NicPlugs: PlugsClass }).NicPlugs;
}

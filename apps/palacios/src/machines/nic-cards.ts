import type { Guest } from '@v3vee/machine';
import { fitToWire } from '@v3vee/overlay';
import type { NicDefinition } from '@v3vee/store';
import { superFrameFromWire } from '@v3vee/wire';
import type { Cards } from './nic-plugs';

/** Of an Ethernet; physical cards know no larger frames. */
const CARD_MTU = 1500;
/** A frame on a wire is padded to this, less its check sequence (IEEE 802.3, 4.2.3.3): cards drop shorter ones as runts. */
const MIN_WIRE_BYTES = 60;

/** How often each kind of frame could not be brought to a card: super-frames that are no frames on a wire. */
type Unfit = 'malformed' | 'too-big';

/**
 * A guest's NICs by their number in the VM: virtio cards, which take and give super-frames, and behind them physical
 * cards, which know only what a wire carries. Frames for those are segmented, finished and padded here.
 */
export class NicCards implements Cards {
  /** NIC numbers of the physical cards, in order. */
  readonly #cards: number[];
  readonly #listeners = new Set<(nic: number, frames: Uint8Array[]) => void>();
  readonly unfit: Record<Unfit, number>[];

  constructor(
    private readonly guest: Pick<
      Guest,
      'sendFrames' | 'onFrames' | 'sendCardFrames' | 'onCardFrames' | 'caughtUp'
    >,
    nics: readonly Pick<NicDefinition, 'device'>[],
  ) {
    this.#cards = nics.flatMap(({ device }, index) => (device === null ? [] : [index]));
    this.unfit = nics.map(() => ({ malformed: 0, 'too-big': 0 }));
  }

  sendFrames(nic: number, frames: Uint8Array[]): void {
    const card = this.#cards.indexOf(nic);
    if (card < 0) return this.guest.sendFrames(nic, frames);
    const plain = frames.flatMap(frame => this.#toWire(nic, frame));
    if (plain.length > 0) this.guest.sendCardFrames(card, plain);
  }

  onFrames(listener: (nic: number, frames: Uint8Array[]) => void): () => void {
    this.#listeners.add(listener);
    const stops = [
      this.guest.onFrames(listener),
      this.guest.onCardFrames((card, frames) => {
        const nic = this.#cards[card];
        if (nic === undefined) return;
        listener(
          nic,
          frames.map(frame => superFrameFromWire(frame, CARD_MTU)),
        );
      }),
    ];
    return () => {
      this.#listeners.delete(listener);
      for (const stop of stops) stop();
    };
  }

  caughtUp(): Promise<void> {
    return this.guest.caughtUp();
  }

  #toWire(nic: number, superFrame: Uint8Array): Uint8Array[] {
    const fitted = fitToWire(superFrame, CARD_MTU);
    if ('frames' in fitted) return fitted.frames.map(padded);
    this.unfit[nic]![fitted.problem]++;
    // Whoever sent it is told, as by a router in front of the wire.
    if (fitted.answer) for (const listener of this.#listeners) listener(nic, [fitted.answer]);
    return [];
  }
}

function padded(frame: Uint8Array): Uint8Array {
  if (frame.length >= MIN_WIRE_BYTES) return frame.slice();
  const whole = new Uint8Array(MIN_WIRE_BYTES);
  whole.set(frame);
  return whole;
}

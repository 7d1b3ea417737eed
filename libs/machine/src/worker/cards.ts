import { modelOf } from '@v3vee/device-models';
import {
  Ne2000,
  Rtl8139,
  type EthernetLine,
  type GuestMemory,
  type InterruptLine,
  type BusMasterOptions,
  type Metrics,
  type PciFunction,
} from '@v3vee/devices';
import { parseMac } from './mac';
import type { CardConfig } from './protocol';
import { SharedCard, type SharedCardHost } from './vpio/shared-card';
import type { SharedCardAccount } from './vpio/messages';

/** A register-accurate network card: it speaks plain Ethernet frames to a segment. */
export interface Card extends PciFunction {
  receive(frame: Uint8Array): void;
  /** False while a running receiver has no room for a frame of full length. */
  ready(): boolean;
  setMac(mac: Uint8Array<ArrayBuffer>): void;
}

/** What a card is plugged into, on the machine's side. */
export interface CardSlot {
  name: string;
  memory: GuestMemory;
  interrupt: InterruptLine;
  line: EthernetLine;
  /** Guest time in milliseconds. */
  now(): number;
  /** For a card that is shared. */
  host: SharedCardHost;
}

export function makeCard(config: CardConfig, slot: CardSlot): Card {
  const { sharing, model } = config;
  if (!sharing) return silicon(config, slot, slot.interrupt);
  const { name, memory, interrupt, host, line } = slot;
  const shared: SharedCard = new SharedCard({
    ...{ name, memory, interrupt, host, sharing },
    mac: parseMac(config.mac)!,
    model: modelOf(model),
    hardware: ({ interrupt, ...options }) => {
      const transmit = (frame: Uint8Array<ArrayBuffer>) =>
        void (shared.admits(frame) && line.transmit(frame));
      return silicon(config, { ...slot, line: { transmit } }, interrupt, options);
    },
  });
  return shared;
}

function silicon(
  { model, mac }: CardConfig,
  { name, memory, line, now }: CardSlot,
  interrupt: InterruptLine,
  options: BusMasterOptions = {},
): Card {
  const address = parseMac(mac)!;
  switch (model) {
    case 'ne2000':
      return new Ne2000(name, { mac: address, line }, interrupt);
    case 'rtl8139':
      return new Rtl8139(name, { mac: address, model: 'C', line, now, ...options }, memory, interrupt);
    case 'rtl8139c+':
      return new Rtl8139(name, { mac: address, model: 'C+', line, now, ...options }, memory, interrupt);
  }
}

/** What a switch's port holds back for a card that is slower than its link: about 400 KB of full frames. */
const MAX_HELD = 256;

/**
 * A card's port on the switch of its segment: frames wait while the card has no room, since a guest's thread gets
 * many at once that a wire would bring one after the other. Beyond the bound they are lost, and counted.
 */
export class CardPort {
  private dropped = 0;
  private held: Uint8Array[] = [];

  constructor(readonly card: Card) {}

  /** Takes frames; gives the card what it has room for. */
  push(frames: Uint8Array[]): void {
    const room = MAX_HELD - this.held.length;
    this.held.push(...frames.slice(0, room));
    this.dropped += Math.max(0, frames.length - room);
    this.pump();
  }

  /** The card's, with what waits and what was lost at its port. */
  metrics(): Metrics {
    return { ...this.card.metrics(), portHeld: this.held.length, portDropped: this.dropped };
  }

  /** Null: the card is not shared. */
  account(): SharedCardAccount | null {
    if (!(this.card instanceof SharedCard)) return null;
    return this.card.account({ held: this.held.length, dropped: this.dropped });
  }

  /** @returns whether the card got anything */
  pump(): boolean {
    let given = 0;
    while (given < this.held.length && this.card.ready()) this.card.receive(this.held[given++]!);
    if (given > 0) this.held.splice(0, given);
    return given > 0;
  }
}

/** Frames that cards sent, handed out together: a thread's messages cost more than frames do. */
export class CardOutbox {
  private readonly waiting = new Map<number, Uint8Array<ArrayBuffer>[]>();

  constructor(private readonly send: (card: number, frames: Uint8Array<ArrayBuffer>[]) => void) {}

  push(card: number, frame: Uint8Array<ArrayBuffer>): void {
    const frames = this.waiting.get(card);
    if (frames) frames.push(frame);
    else this.waiting.set(card, [frame]);
  }

  flush(): void {
    if (this.waiting.size === 0) return;
    for (const [card, frames] of this.waiting) this.send(card, frames);
    this.waiting.clear();
  }
}

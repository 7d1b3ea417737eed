import type { DeviceInventory } from '@v3vee/contracts';
import { modelOf } from '@v3vee/device-models';
import type { Card } from '../cards/card';
import type { Cards } from '../cards/cards';
import { checked } from '../exits/judge';

export interface HostSyncOptions {
  cards: Cards;
  /** What a host's Palacios knows of its cards. */
  inventory: (host: string) => Promise<DeviceInventory[]>;
  /** What is known of a host's cards changed. */
  onSynced: (host: string) => void;
  /** A host's Palacios was started anew: what was known of its cards is void. */
  onRestart: (host: string) => void;
  onFailure: (host: string, thrown: unknown) => void;
  /** A monotonic clock, ms. */
  now?: () => number;
}

/** A card that moves all the time is left for the next heartbeat. */
const MAX_ROUNDS = 3;

interface Known {
  incarnation: string | undefined;
  /** Whether what we believe of its cards is what it said. */
  synced: boolean;
  asking: Promise<void> | undefined;
  again: boolean;
}

/**
 * Keeps what we believe of who has and who wants a card in step with the hosts, which know: asks them at the start, when
 * a Palacios is a new one, and when there is a doubt. One that does not answer is asked again with its next heartbeat.
 */
export class HostSync {
  private readonly hosts = new Map<string, Known>();
  private readonly now: () => number;

  constructor(private readonly options: HostSyncOptions) {
    this.now = options.now ?? (() => performance.now());
  }

  /** A heartbeat. */
  heard(host: string, incarnation: string): void {
    const known = this.known(host);
    const isAnother = known.incarnation !== undefined && known.incarnation !== incarnation;
    known.incarnation = incarnation;
    if (isAnother) {
      known.synced = false;
      this.options.onRestart(host);
    }
    if (!known.synced) void this.ask(host, known);
  }

  /** What we believe may be wrong. @returns when it was asked; never rejects */
  doubt(host: string): Promise<void> {
    const known = this.known(host);
    known.synced = false;
    return this.ask(host, known);
  }

  /** Of all hosts that were ever heard of. */
  doubtAll(): void {
    for (const host of this.hosts.keys()) void this.doubt(host);
  }

  private known(host: string): Known {
    let known = this.hosts.get(host);
    if (!known) {
      known = { incarnation: undefined, synced: false, asking: undefined, again: false };
      this.hosts.set(host, known);
    }
    return known;
  }

  private ask(host: string, known: Known): Promise<void> {
    // What is being answered now may be older than the doubt.
    if (known.asking) known.again = true;
    return (known.asking ??= this.round(host, known).finally(() => {
      known.asking = undefined;
    }));
  }

  private async round(host: string, known: Known): Promise<void> {
    let rounds = 0;
    do {
      known.again = false;
      rounds++;
      try {
        known.synced = await this.sync(host);
      } catch (thrown) {
        this.options.onFailure(host, thrown);
        return;
      }
    } while (known.again || (!known.synced && rounds < MAX_ROUNDS));
    this.options.onSynced(host);
  }

  /** @returns false if a card moved meanwhile, so that the answer says nothing about it */
  private async sync(host: string): Promise<boolean> {
    const { cards, inventory } = this.options;
    const before = new Map(cards.ofHost(host).map(card => [card, card.arbiter.moves]));
    const devices = await inventory(host);
    let complete = true;
    for (const device of devices) {
      const { nic, model, holder, waiting } = device;
      const card = cards.of(host, nic);
      if (card.arbiter.next !== null || card.arbiter.moves !== (before.get(card) ?? 0)) {
        complete = false;
        continue;
      }
      card.model = model;
      const current = waiting.filter(guest => cards.isCurrent(guest));
      if (holder) cards.isCurrent(holder);
      card.arbiter.found(holder, current, this.now());
      this.learn(card, device);
    }
    return complete;
  }

  /** What the holder may do without an exit follows from its state; else nothing would be known of it until its next. */
  private learn(card: Card, { model, holder, use }: DeviceInventory): void {
    if (!holder || !use || card.guests.get(holder.vmId)?.epoch === holder.epoch) return;
    try {
      card.put(holder, checked({ ...use, model: modelOf(model) }));
    } catch (thrown) {
      this.options.onFailure(card.host, thrown);
    }
  }
}

import { V3Error, type CardAccess, type CardModel, type DmmPolicy } from '@v3vee/contracts';
import type { Guest } from '../arbiter/arbiter';
import { Card } from './card';
import { Epochs } from './epochs';

/** Who speaks for a guest of a card, and which. */
export interface SharerId extends Guest {
  host: string;
  nic: string;
}

/** All cards that were heard of. */
export class Cards {
  /** A guest is gone that had or wanted a card: another may have its turn. */
  onRelease: (card: Card) => void = () => undefined;
  /** Requests of epochs that were over. */
  stale = 0;
  private readonly byName = new Map<string, Card>();
  private readonly epochs = new Epochs();

  constructor(private readonly policy: (device: string) => DmmPolicy) {}

  all(): Card[] {
    return [...this.byName.values()];
  }

  ofHost(host: string): Card[] {
    return this.all().filter(card => card.host === host);
  }

  find(host: string, nic: string): Card | undefined {
    return this.byName.get(`${host}/${nic}`);
  }

  of(host: string, nic: string): Card {
    let card = this.find(host, nic);
    if (!card) {
      card = new Card(host, nic, this.policy);
      this.byName.set(card.name, card);
    }
    return card;
  }

  /**
   * Whether a host may speak for a guest. A new epoch ends what the guest's older ones had, on all cards.
   * @returns false if there is a later one
   */
  isCurrent({ vmId, epoch }: Guest): boolean {
    const age = this.epochs.heard(vmId, epoch);
    if (age === 'newer') this.forget(vmId, epoch);
    if (age === 'stale') this.stale++;
    return age !== 'stale';
  }

  /**
   * The card that a guest uses.
   * @param use what it takes the card for, and how it uses it
   * @throws V3Error DEVICE_IN_USE from a host that has the guest no more, DEVICE_MISMATCH if it takes the card for
   *   another, INVALID_REQUEST if it uses it without the DMM
   */
  admit({ host, nic, ...guest }: SharerId, use?: { model: CardModel; access: CardAccess }): Card {
    if (!this.isCurrent(guest)) {
      throw new V3Error(
        'DEVICE_IN_USE',
        `epoch ${guest.epoch} of VM ${guest.vmId} is over: ${host} may not use ${host}/${nic} for it any more`,
      );
    }
    const card = this.of(host, nic);
    if (!use) return card;
    if (use.access === 'passthrough') {
      const message = `a guest that has ${card.name} alone (passthrough) does not ask the DMM`;
      throw new V3Error('INVALID_REQUEST', message, { fields: [{ path: 'access', message }] });
    }
    if (card.model === null || card.model === use.model) return card;
    throw new V3Error('DEVICE_MISMATCH', `${card.name} is a card of model ${card.model}, not ${use.model}`);
  }

  /** A host was started anew: none of its guests has or wants anything. */
  forgetHost(host: string): Card[] {
    const forgotten = this.ofHost(host);
    for (const { name } of forgotten) this.byName.delete(name);
    return forgotten;
  }

  private forget(vmId: string, before: number): void {
    for (const card of this.all()) {
      const { guests, arbiter } = card;
      const { holder } = arbiter;
      const held = holder?.vmId === vmId && holder.epoch < before;
      const known = guests.get(vmId);
      if (!held && (known === undefined || known.epoch >= before)) continue;
      card.release(vmId);
      this.onRelease(card);
    }
  }
}

import type { CardModel, DmmPolicy } from '@v3vee/contracts';
import { isDeepStrictEqual } from 'node:util';
import { Arbiter, type Guest } from '../arbiter/arbiter';
import type { ExitAnswer } from '../exits/judge';
import type { CardUse } from './hooks';

/** A guest that shares a card, since it asked for it or made an exit. */
export interface CardGuest extends Guest, CardUse {
  /** Its latest exit, in case that the answer was lost. */
  answered?: { sequence: number; answer: ExitAnswer };
}

/** One physical card of a host: who shares it, and who has it. */
export class Card {
  readonly name: string;
  readonly arbiter: Arbiter;
  /** By VM. */
  readonly guests = new Map<string, CardGuest>();
  /** Null until somebody says what it is. */
  model: CardModel | null = null;

  constructor(
    readonly host: string,
    readonly nic: string,
    policy: (device: string) => DmmPolicy,
  ) {
    this.name = `${host}/${nic}`;
    this.arbiter = new Arbiter(() => policy(this.name));
  }

  /**
   * What is known here of a guest's use of the card, if its host says the same. Such a state need not be checked again,
   * and what the model itself found out about it holds.
   */
  known({ vmId, epoch }: Guest, { access, model, state, memorySize }: CardUse): CardGuest | undefined {
    const guest = this.guests.get(vmId);
    const isSame =
      guest?.epoch === epoch &&
      guest.access === access &&
      guest.model === model &&
      guest.memorySize === memorySize &&
      isDeepStrictEqual(guest.state, state);
    return isSame ? guest : undefined;
  }

  /** Sets what is new of a guest's use of the card. Its latest exit is forgotten: who needs the card makes none. */
  put({ vmId, epoch }: Guest, use: CardUse, answered?: CardGuest['answered']): void {
    this.guests.set(vmId, { vmId, epoch, ...use, answered });
    this.model = use.model.model;
  }

  /** A guest is gone. */
  release(vmId: string): void {
    this.guests.delete(vmId);
    this.arbiter.release(vmId);
  }
}

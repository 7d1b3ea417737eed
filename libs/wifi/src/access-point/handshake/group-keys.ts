import { ccmpSeal } from '../crypto/ccmp';

const KEY_BYTES = 16;
/** What "extended" packet numbers are in: little endian, 6 octets of 8. */
const RSC_BYTES = 8;

/** A group key (GTK) as stations get it. */
export interface GroupKey {
  /** 1 or 2: the one that follows has the other, so that both are known while it is given out. */
  index: number;
  key: Uint8Array;
  /** Counts the keys. */
  generation: number;
}

/** The group keys of a BSS: the one that frames are sent with, and the one that stations are given. */
export class GroupKeys {
  #transmit: GroupKey;
  #newest: GroupKey;
  /** Of the key that frames are sent with. */
  #sent = 0;

  constructor(private readonly random: (bytes: number) => Uint8Array) {
    this.#transmit = this.#newest = { index: 1, key: random(KEY_BYTES), generation: 1 };
  }

  /** What a station is given now. */
  get newest(): GroupKey {
    return this.#newest;
  }

  /** The packet number that a station which gets the newest key must have seen: older ones are replays. */
  get newestRsc(): Uint8Array {
    const rsc = new Uint8Array(RSC_BYTES);
    let number = this.#newest === this.#transmit ? this.#sent : 0;
    for (let i = 0; i < 6; i++) {
      rsc[i] = number & 0xff;
      number = Math.floor(number / 256);
    }
    return rsc;
  }

  /** A new key to give out; frames are still sent with the last one. */
  renew(): void {
    const { index, generation } = this.#newest;
    this.#newest = { index: 3 - index, key: this.random(KEY_BYTES), generation: generation + 1 };
  }

  /** All stations have the newest key. */
  commit(): void {
    if (this.#transmit === this.#newest) return;
    this.#transmit = this.#newest;
    this.#sent = 0;
  }

  seal(frame: Uint8Array): Uint8Array {
    return ccmpSeal(this.#transmit.key, this.#transmit.index, ++this.#sent, frame);
  }
}

import { encodeEapolKey, encodeKeyData, keyInformation, NONCE_BYTES } from '@v3vee/wire';
import { type Clock } from '../../clock';
import { eapolIsSigned, signEapol, wrapKey, type PairwiseKeys } from '../crypto/keys';
import { Exchange } from './exchange';
import { type ReceivedEapolKey } from './four-way';
import { type GroupKeys } from './group-keys';

export interface GroupHandshakeOptions {
  clock: Clock;
  keys: PairwiseKeys;
  groupKeys: GroupKeys;
  nextCounter(): bigint;
  send(eapol: Uint8Array): void;
  onDone(): void;
  onSilence(): void;
}

const { VERSION_2, VERSION_MASK, PAIRWISE, ACK, MIC, SECURE, ERROR, REQUEST, ENCRYPTED } = keyInformation;
const KIND = VERSION_MASK | PAIRWISE | ACK | MIC | SECURE | ERROR | REQUEST;
const MESSAGE_1 = VERSION_2 | ACK | MIC | SECURE | ENCRYPTED;
const MESSAGE_2 = VERSION_2 | MIC | SECURE;
/** More than for the 4-way handshake: it comes at any time, and a station may sleep or be on its way to another host. */
const TRIES = 10;

/** Gives one station the newest group key (IEEE 802.11-2020 §12.7.7). */
export class GroupHandshake {
  readonly #exchange: Exchange;

  constructor(private readonly options: GroupHandshakeOptions) {
    const { clock, nextCounter, onSilence } = options;
    const send = (replayCounter: bigint) => this.#send(replayCounter);
    this.#exchange = new Exchange({ clock, tries: TRIES, nextCounter, send, onSilence });
  }

  start(): void {
    this.#exchange.start();
  }

  /** Whether it was an answer that was waited for. */
  receive(key: ReceivedEapolKey): boolean {
    if (!this.#exchange.accepts(key.replayCounter) || (key.information & KIND) !== MESSAGE_2) return false;
    if (!eapolIsSigned(this.options.keys.kck, key.bytes)) return false;
    this.#exchange.end();
    this.options.onDone();
    return true;
  }

  cancel(): void {
    this.#exchange.end();
  }

  #send(replayCounter: bigint): void {
    const { keys, groupKeys, send } = this.options;
    const { index, key } = groupKeys.newest;
    const message = encodeEapolKey({
      information: MESSAGE_1,
      keyLength: 0,
      replayCounter,
      nonce: new Uint8Array(NONCE_BYTES),
      rsc: groupKeys.newestRsc,
      data: wrapKey(keys.kek, encodeKeyData({ gtk: { index, key } })),
    });
    send(signEapol(keys.kck, message));
  }
}

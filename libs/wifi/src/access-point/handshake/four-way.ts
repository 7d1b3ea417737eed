import {
  encodeEapolKey,
  encodeKeyData,
  keyInformation,
  NONCE_BYTES,
  readKeyData,
  type readEapolKey,
} from '@v3vee/wire';
import { type Clock } from '../../clock';
import { eapolIsSigned, pairwiseKeys, signEapol, wrapKey, type PairwiseKeys } from '../crypto/keys';
import { Exchange } from './exchange';
import { type GroupKeys } from './group-keys';

export type ReceivedEapolKey = ReturnType<typeof readEapolKey>;

export interface FourWayOptions {
  clock: Clock;
  pmk: Uint8Array;
  bssid: Uint8Array;
  station: Uint8Array;
  /** RSN elements with their headers: of our beacons, and of the station's association request. */
  ownRsn: Uint8Array;
  stationRsn: Uint8Array;
  groupKeys: GroupKeys;
  nextCounter(): bigint;
  random(bytes: number): Uint8Array;
  send(eapol: Uint8Array): void;
  /** Message 2 proved that the station has the passphrase: these keys are what message 4 may come under. */
  onProof(keys: PairwiseKeys): void;
  /** Message 4 came. @param groupGeneration the oldest group key that a message 3 had */
  onDone(groupGeneration: number): void;
  onSilence(message: 2 | 4): void;
}

const { VERSION_2, VERSION_MASK, PAIRWISE, INSTALL, ACK, MIC, SECURE, ERROR, REQUEST, ENCRYPTED } =
  keyInformation;
/** Bits that tell messages 2 and 4 from all else. */
const KIND = VERSION_MASK | PAIRWISE | INSTALL | ACK | MIC | SECURE | ERROR | REQUEST | ENCRYPTED;
const MESSAGE_1 = VERSION_2 | PAIRWISE | ACK;
const MESSAGE_2 = VERSION_2 | PAIRWISE | MIC;
const MESSAGE_3 = VERSION_2 | PAIRWISE | INSTALL | ACK | MIC | SECURE | ENCRYPTED;
const MESSAGE_4 = VERSION_2 | PAIRWISE | MIC | SECURE;
const KEY_LENGTH = 16;
const TRIES = 4;
const NOTHING = new Uint8Array(0);
const ZEROS = new Uint8Array(NONCE_BYTES);

/**
 * The authenticator's side of the 4-way handshake (IEEE 802.11-2020 §12.7.6):
 *
 *     M1 ──▶ … ◀── M2 valid   M3 ──▶ … ◀── M4 valid   done
 *      └ repeated, then silence └ repeated, then silence
 *
 * An answer that is not valid is as if none had come, whatever is wrong with it: a wrong passphrase looks to the
 * station like a lost frame, and costs one derivation. What was taken once is not taken again.
 */
export class FourWayHandshake {
  readonly #ownNonce: Uint8Array;
  #exchange: Exchange;
  #keys: PairwiseKeys | undefined;
  #groupGeneration = Number.POSITIVE_INFINITY;

  constructor(private readonly options: FourWayOptions) {
    const { clock, nextCounter, random } = options;
    this.#ownNonce = random(NONCE_BYTES);
    this.#exchange = new Exchange({
      clock,
      tries: TRIES,
      nextCounter,
      send: replayCounter => this.#sendFirst(replayCounter),
      onSilence: () => options.onSilence(2),
    });
  }

  start(): void {
    this.#exchange.start();
  }

  /** Whether it was an answer that was waited for. */
  receive(key: ReceivedEapolKey): boolean {
    if (!this.#exchange.accepts(key.replayCounter)) return false;
    return this.#keys ? this.#receiveFourth(key, this.#keys) : this.#receiveSecond(key);
  }

  cancel(): void {
    this.#exchange.end();
  }

  #receiveSecond(key: ReceivedEapolKey): boolean {
    if ((key.information & KIND) !== MESSAGE_2) return false;
    const { options } = this;
    const keys = pairwiseKeys(options.pmk, [options.bssid, options.station], [this.#ownNonce, key.nonce]);
    if (!eapolIsSigned(keys.kck, key.bytes)) return false;
    // Somebody who changed the association request on its way is seen here.
    const { rsn } = readKeyData(key.data);
    if (!rsn || Buffer.compare(rsn, options.stationRsn) !== 0) return false;
    this.#keys = keys;
    this.#exchange.end();
    options.onProof(keys);
    this.#exchange = new Exchange({
      clock: options.clock,
      tries: TRIES,
      nextCounter: options.nextCounter,
      send: replayCounter => this.#sendThird(keys, replayCounter),
      onSilence: () => options.onSilence(4),
    });
    this.#exchange.start();
    return true;
  }

  #receiveFourth(key: ReceivedEapolKey, keys: PairwiseKeys): boolean {
    if ((key.information & KIND) !== MESSAGE_4 || !eapolIsSigned(keys.kck, key.bytes)) return false;
    this.#exchange.end();
    this.options.onDone(this.#groupGeneration);
    return true;
  }

  #sendFirst(replayCounter: bigint): void {
    this.options.send(
      encodeEapolKey({
        information: MESSAGE_1,
        keyLength: KEY_LENGTH,
        replayCounter,
        nonce: this.#ownNonce,
        rsc: ZEROS.subarray(0, 8),
        data: NOTHING,
      }),
    );
  }

  #sendThird(keys: PairwiseKeys, replayCounter: bigint): void {
    const { groupKeys, ownRsn, send } = this.options;
    const { index, key, generation } = groupKeys.newest;
    this.#groupGeneration = Math.min(this.#groupGeneration, generation);
    const message = encodeEapolKey({
      information: MESSAGE_3,
      keyLength: KEY_LENGTH,
      replayCounter,
      nonce: this.#ownNonce,
      rsc: groupKeys.newestRsc,
      data: wrapKey(keys.kek, encodeKeyData({ rsn: ownRsn, gtk: { index, key } })),
    });
    send(signEapol(keys.kck, message));
  }
}

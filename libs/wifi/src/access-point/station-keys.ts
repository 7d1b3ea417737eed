import { readEapolKey } from '@v3vee/wire';
import { type Clock } from '../clock';
import { type PairwiseKeys } from './crypto/keys';
import { PairwiseSession } from './crypto/pairwise-session';
import { FourWayHandshake } from './handshake/four-way';
import { GroupHandshake } from './handshake/group';
import { type GroupKeys } from './handshake/group-keys';

export interface StationKeysOptions {
  clock: Clock;
  pmk: Uint8Array;
  bssid: Uint8Array;
  station: Uint8Array;
  ownRsn: Uint8Array;
  stationRsn: Uint8Array;
  groupKeys: GroupKeys;
  random(bytes: number): Uint8Array;
  send(eapol: Uint8Array): void;
  onAuthorized(): void;
  onSilence(waitedFor: 'message 2' | 'message 4' | 'group message 2'): void;
}

/** The keys of one association: agreed on once, by the 4-way handshake; group keys are renewed under them. */
export class StationKeys {
  /** Since message 4. */
  session: PairwiseSession | undefined;
  /**
   * Since message 2: a station that sent message 4 has installed its keys. If that was lost, the next comes encrypted.
   */
  pending: PairwiseSession | undefined;
  #keys: PairwiseKeys | undefined;
  #replayCounter = 0n;
  readonly #handshake: FourWayHandshake;
  #group: GroupHandshake | undefined;

  constructor(private readonly options: StationKeysOptions) {
    this.#handshake = new FourWayHandshake({
      ...options,
      nextCounter: this.#nextCounter,
      onProof: keys => {
        this.#keys = keys;
        this.pending = new PairwiseSession(keys.tk);
      },
      onDone: generation => this.#install(generation),
      onSilence: message => options.onSilence(message === 2 ? 'message 2' : 'message 4'),
    });
  }

  start(): void {
    this.#handshake.start();
  }

  /**
   * @returns whether it was an answer that was waited for
   * @throws WireError when it is no EAPOL-Key
   */
  receive(eapol: Uint8Array): boolean {
    const key = readEapolKey(eapol);
    return this.session ? (this.#group?.receive(key) ?? false) : this.#handshake.receive(key);
  }

  /** Gives the station the newest group key; it must be authorized. */
  renewGroupKey(onDone: () => void): void {
    if (!this.#keys) return;
    const { clock, groupKeys, send, onSilence } = this.options;
    this.#group?.cancel();
    this.#group = new GroupHandshake({
      clock,
      keys: this.#keys,
      groupKeys,
      nextCounter: this.#nextCounter,
      send,
      onDone,
      onSilence: () => onSilence('group message 2'),
    });
    this.#group.start();
  }

  cancel(): void {
    this.#handshake.cancel();
    this.#group?.cancel();
  }

  readonly #nextCounter = (): bigint => ++this.#replayCounter;

  #install(groupGeneration: number): void {
    this.session = this.pending;
    this.pending = undefined;
    this.options.onAuthorized();
    // The key was renewed while the handshake ran.
    if (groupGeneration !== this.options.groupKeys.newest.generation) this.renewGroupKey(() => undefined);
  }
}

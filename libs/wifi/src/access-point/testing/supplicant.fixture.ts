import { encodeEapolKey, keyInformation, readEapolKey, readKeyData } from '@v3vee/wire';
import {
  eapolIsSigned,
  pairwiseKeys,
  pairwiseMasterKey,
  signEapol,
  unwrapKey,
  type PairwiseKeys,
} from '../crypto/keys';

export interface SupplicantOptions {
  passphrase: string;
  ssid: Uint8Array;
  ap: Uint8Array;
  station: Uint8Array;
  /** With its header, as in the association request. */
  rsn: Uint8Array;
}

export interface GivenGroupKey {
  index: number;
  key: Uint8Array;
  rsc: number;
}

const { VERSION_2, PAIRWISE, INSTALL, ACK, MIC, SECURE } = keyInformation;
const NOTHING = new Uint8Array(0);
const ZEROS = new Uint8Array(32);

/** A station's side of both handshakes (IEEE 802.11-2020 §12.7.6, §12.7.7), as wpa_supplicant does it. */
export class Supplicant {
  keys: PairwiseKeys | undefined;
  installed = false;
  /** The RSN element that message 3 says the access point has. */
  rsnOfAp: Uint8Array | undefined;
  readonly groupKeys = new Map<number, GivenGroupKey>();
  #pending: PairwiseKeys | undefined;
  #lastCounter = -1n;
  readonly #pmk: Uint8Array;
  nonce = new Uint8Array(32);

  constructor(private readonly options: SupplicantOptions) {
    this.#pmk = masterKey(options);
    for (let i = 0; i < 32; i++) this.nonce[i] = (options.station[5] as number) + 7 * i;
  }

  /** @returns the answer, if one is due, and whether the keys are to be installed behind it */
  receive(eapol: Uint8Array): { number: 2 | 4 | 'group'; answer: Uint8Array; install: boolean } | undefined {
    const key = readEapolKey(eapol);
    const { information, replayCounter } = key;
    if (replayCounter <= this.#lastCounter) throw new Error(`replay counter ${replayCounter} came twice`);
    this.#lastCounter = replayCounter;
    if ((information & ACK) === 0) throw new Error('an access point asks for answers');
    if ((information & PAIRWISE) === 0) return this.#group(key);
    if ((information & MIC) === 0) {
      const { ap, station, rsn } = this.options;
      this.#pending = pairwiseKeys(this.#pmk, [ap, station], [key.nonce, this.nonce]);
      const answer = this.#message(this.#pending, VERSION_2 | PAIRWISE | MIC, replayCounter, this.nonce, rsn);
      return { number: 2, answer, install: false };
    }
    if (!this.#pending || !eapolIsSigned(this.#pending.kck, key.bytes)) return undefined;
    if ((information & INSTALL) === 0) throw new Error('message 3 has the install bit');
    this.#takeGroupKey(this.#pending, key);
    const install = !this.installed;
    this.keys = this.#pending;
    const answer = this.#message(this.keys, VERSION_2 | PAIRWISE | MIC | SECURE, replayCounter);
    return { number: 4, answer, install };
  }

  #group(key: ReturnType<typeof readEapolKey>) {
    if (!this.keys || !eapolIsSigned(this.keys.kck, key.bytes))
      throw new Error('a group message that is not signed');
    this.#takeGroupKey(this.keys, key);
    const answer = this.#message(this.keys, VERSION_2 | MIC | SECURE, key.replayCounter);
    return { number: 'group' as const, answer, install: false };
  }

  #takeGroupKey({ kek }: PairwiseKeys, { data, rsc }: ReturnType<typeof readEapolKey>): void {
    const { rsn, gtk } = readKeyData(unwrapKey(kek, data));
    if (rsn) this.rsnOfAp = rsn;
    if (!gtk) throw new Error('there is no group key in it');
    const number = [5, 4, 3, 2, 1, 0].reduce((sum, i) => sum * 256 + (rsc[i] as number), 0);
    const known = this.groupKeys.get(gtk.index);
    // A key that is given again keeps what was received under it.
    if (known && Buffer.compare(known.key, gtk.key) === 0) return;
    this.groupKeys.set(gtk.index, { index: gtk.index, key: gtk.key, rsc: number });
  }

  #message(
    keys: PairwiseKeys,
    information: number,
    replayCounter: bigint,
    nonce: Uint8Array = ZEROS,
    data: Uint8Array = NOTHING,
  ): Uint8Array {
    const rsc = ZEROS.subarray(0, 8);
    return signEapol(
      keys.kck,
      encodeEapolKey({ information, keyLength: 0, replayCounter, nonce, rsc, data }),
    );
  }
}

const masterKeys = new Map<string, Uint8Array>();

/** It is slow to make by design, and the same for all. */
function masterKey({ passphrase, ssid }: SupplicantOptions): Uint8Array {
  const name = `${passphrase} ${Buffer.from(ssid).toString('hex')}`;
  const key = masterKeys.get(name) ?? pairwiseMasterKey(passphrase, ssid);
  masterKeys.set(name, key);
  return key;
}

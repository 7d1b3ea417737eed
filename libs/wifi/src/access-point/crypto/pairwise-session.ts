import { type Ieee80211Frame } from '@v3vee/wire';
import { ccmpHeader, ccmpOpen, ccmpSeal } from './ccmp';

const TIDS = 16;

/** What was wrong with a protected frame. */
export type ProtectionFault = 'noCcmp' | 'replay' | 'mic';

/**
 * One temporal key with the packet numbers of both directions. They live and die with the key: a key that is
 * installed twice would begin them again, which repeats nonces (Vanhoef and Piessens, "Key Reinstallation
 * Attacks", CCS 2017). So a session is made once per handshake and there is no way to set a number back.
 */
export class PairwiseSession {
  #sent = 0;
  /** By TID; frames without QoS count as TID 0. */
  readonly #received = new Float64Array(TIDS);

  constructor(private readonly key: Uint8Array) {}

  seal(frame: Uint8Array): Uint8Array {
    return ccmpSeal(this.key, 0, ++this.#sent, frame);
  }

  /** The body in plain, or what is wrong. A frame whose MIC is wrong moves no counter. */
  open(frame: Ieee80211Frame): { body: Uint8Array; packetNumber: number } | ProtectionFault {
    const header = ccmpHeader(frame);
    if (!header || header.keyIndex !== 0) return 'noCcmp';
    const tid = frame.tid ?? 0;
    const { packetNumber } = header;
    if (packetNumber <= (this.#received[tid] as number)) return 'replay';
    const body = ccmpOpen(this.key, packetNumber, frame);
    if (!body) return 'mic';
    this.#received[tid] = packetNumber;
    return { body, packetNumber };
  }
}

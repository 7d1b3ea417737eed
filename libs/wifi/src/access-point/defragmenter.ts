import { type Ieee80211Frame, MAX_MSDU_BYTES } from '@v3vee/wire';

interface Begun {
  sequence: number;
  next: number;
  /** Of the last fragment; undefined: plain. */
  packetNumber: number | undefined;
  session: object | undefined;
  parts: Uint8Array[];
  bytes: number;
}

/**
 * Puts fragments of one station together (IEEE 802.11-2020 §10.5): one frame at a time, its fragments in order, all
 * under one key and with consecutive packet numbers (§12.5.3.3.5 and CVE-2020-24587, CVE-2020-26146).
 */
export class Defragmenter {
  #begun: Begun | undefined;

  /**
   * @param protection under which session and packet number it came
   * @returns the whole body; undefined while parts are missing; `broken` when they do not belong together
   */
  add(
    frame: Ieee80211Frame,
    body: Uint8Array,
    protection?: { session: object; packetNumber: number },
  ): Uint8Array | 'broken' | undefined {
    const { fragment, sequence, moreFragments } = frame;
    if (fragment === 0 && !moreFragments) return body;
    const { session, packetNumber } = protection ?? {};
    if (fragment === 0) {
      this.#begun = {
        sequence,
        next: 1,
        packetNumber,
        session,
        parts: [new Uint8Array(body)],
        bytes: body.length,
      };
      return undefined;
    }
    const begun = this.#begun;
    const follows =
      begun?.sequence === sequence &&
      begun.next === fragment &&
      begun.session === session &&
      (packetNumber === undefined || packetNumber === (begun.packetNumber as number) + 1) &&
      begun.bytes + body.length <= MAX_MSDU_BYTES;
    if (!begun || !follows) {
      this.#begun = undefined;
      return 'broken';
    }
    begun.parts.push(new Uint8Array(body));
    begun.bytes += body.length;
    begun.next++;
    begun.packetNumber = packetNumber;
    if (moreFragments) return undefined;
    this.#begun = undefined;
    return Buffer.concat(begun.parts);
  }
}

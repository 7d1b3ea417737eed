import { type Ieee80211Frame } from '@v3vee/wire';

/** Of frames without QoS, and management frames. */
const PLAIN = 16;

/** Frames that came twice because their acknowledgement was lost (IEEE 802.11-2020 §10.3.2.14). */
export class DuplicateFilter {
  readonly #last = new Map<number, number>();

  /** Whether the frame is a retransmission of the last one of its kind. */
  isDuplicate(frame: Ieee80211Frame): boolean {
    if (!frame.hasSequence || frame.isGroupAddressed || frame.isNull) return false;
    const cache = frame.tid ?? (frame.isManagement ? PLAIN + 1 : PLAIN);
    const sequence = frame.sequence * 16 + frame.fragment;
    if (frame.retry && this.#last.get(cache) === sequence) return true;
    this.#last.set(cache, sequence);
    return false;
  }
}

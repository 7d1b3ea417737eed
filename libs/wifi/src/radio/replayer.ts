import { elementIds, IEEE80211_HEADER_BYTES } from '@v3vee/wire';
import type { Reception } from '../antenna';
import type { Clock } from '../clock';
import type { Bss, BssTable } from './bss-table';
import type { Phy } from './vm-port';

const TICK_MS = 10;
/** A passive scan stays about 110 ms at a channel; beacons that are rarer come at this pace all the same. */
const MOST_MS = 102.4;
const BEACON_ELEMENTS = IEEE80211_HEADER_BYTES + 12;

/**
 * Tells the beacons of channels where the radio is not, from what it heard there last: to those who scan, and to
 * members of the BSS as long as their access point answered at the last visit, so that they do not think it gone.
 *
 * A replayed beacon has the signal of when it was heard; its timestamp has gone on; its TIM is empty, since what the
 * access point buffers is told and fetched when the radio is there.
 */
export class Replayer {
  told = 0;
  #timer: (() => void) | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly table: BssTable,
    /** Who is to hear of a BSS now. */
    private readonly audience: (bss: Bss, now: number) => Phy[],
    private readonly deliver: (phy: Phy, reception: Reception) => void,
    private readonly isNeeded: (now: number) => boolean,
  ) {}

  /** Somebody may need it from now on. */
  wake(): void {
    if (this.#timer || !this.isNeeded(this.clock.now())) return;
    this.#timer = this.clock.after(TICK_MS, () => {
      this.#timer = undefined;
      this.#tick(this.clock.now());
      this.wake();
    });
  }

  stop(): void {
    this.#timer?.();
    this.#timer = undefined;
  }

  #tick(now: number): void {
    for (const bss of this.table.list(now)) {
      if (!bss.beacon || now < bss.told + Math.min(bss.interval, MOST_MS)) continue;
      const audience = this.audience(bss, now);
      if (audience.length === 0) continue;
      bss.told = now;
      const replayed = replayedBeacon(bss.beacon, now - bss.heard);
      for (const phy of audience) {
        this.told++;
        this.deliver(phy, replayed);
      }
    }
  }
}

/** @param later ms after it was heard */
export function replayedBeacon(beacon: Reception, later: number): Reception {
  const frame = beacon.frame.slice();
  const view = new DataView(frame.buffer);
  const timestamp = view.getBigUint64(IEEE80211_HEADER_BYTES, true) + BigInt(Math.round(later * 1_000));
  view.setBigUint64(IEEE80211_HEADER_BYTES, timestamp, true);
  // It was whole when it was heard: every element lies inside.
  for (let at = BEACON_ELEMENTS; at + 2 <= frame.length; at += 2 + (frame[at + 1] as number)) {
    if (frame[at] !== elementIds.TIM) continue;
    // Behind count and period: control and bitmap.
    frame.fill(0, at + 4, at + 2 + (frame[at + 1] as number));
  }
  return { ...beacon, frame };
}

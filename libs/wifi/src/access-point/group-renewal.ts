import { type Bss, type Security } from './bss';
import { type Station } from './station';

/** Several stations that leave together cost one renewal. */
const LEAVE_DELAY_MS = 500;

/**
 * Renews the group key (IEEE 802.11-2020 §12.7.7): at an interval, and when a station left that knows it. Frames go on
 * under the last key until every station has the new one; who does not answer is sent away.
 */
export class GroupRenewal {
  /** Stations that have not answered; undefined: no renewal runs. */
  #waiting: Set<Station> | undefined;
  #again = false;
  #cancelInterval: (() => void) | undefined;
  #cancelSoon: (() => void) | undefined;

  constructor(
    private readonly bss: Bss,
    private readonly security: Security,
  ) {}

  start(): void {
    const { clock, groupKeyInterval } = this.bss.settings;
    if (groupKeyInterval === 0) return;
    this.#cancelInterval = clock.after(groupKeyInterval, () => {
      this.begin();
      this.start();
    });
  }

  stop(): void {
    this.#cancelInterval?.();
    this.#cancelSoon?.();
    this.#cancelSoon = this.#waiting = undefined;
    this.#again = false;
  }

  begin(): void {
    if (this.#waiting) {
      this.#again = true;
      return;
    }
    this.security.groupKeys.renew();
    const stations = [...this.bss.stations.values()].filter(({ state }) => state === 'authorized');
    this.#waiting = new Set(stations);
    for (const station of stations) station.keys?.renewGroupKey(() => this.forget(station));
    this.#commit(stations.length);
  }

  /** It has the key, or needs none any more. */
  forget(station: Station): void {
    if (!this.#waiting?.delete(station)) return;
    this.#commit(this.bss.stations.size);
  }

  /** A station that knows the key is gone. */
  left(station: Station): void {
    this.forget(station);
    const { clock, groupKeyOnLeave } = this.bss.settings;
    if (!groupKeyOnLeave || this.#cancelSoon) return;
    this.#cancelSoon = clock.after(LEAVE_DELAY_MS, () => {
      this.#cancelSoon = undefined;
      this.begin();
    });
  }

  #commit(stations: number): void {
    if (this.#waiting?.size !== 0) return;
    this.#waiting = undefined;
    this.security.groupKeys.commit();
    this.bss.counters.groupKeys++;
    this.bss.settings.onEvent({ kind: 'groupKey', stations });
    if (!this.#again) return;
    this.#again = false;
    this.begin();
  }
}

import { encodeBeacon, encodeTim, managementSubtypes } from '@v3vee/wire';
import { type Bss } from './bss';
import { type Downlink } from './downlink';

/** ms of a time unit (TU, IEEE 802.11-2020 §3.1). */
export const TU_MS = 1.024;
const HIDDEN = new Uint8Array(0);

/** Sends beacons at their times (TBTT), whose TIM says for whom frames are buffered. Late ones are left out. */
export class Beacons {
  #cancel: (() => void) | undefined;
  #due = 0;
  #dtimCount = 0;
  #isOnAir = false;

  constructor(
    private readonly bss: Bss,
    private readonly downlink: Downlink,
  ) {}

  start(): void {
    this.#due = this.bss.settings.clock.now();
    this.#schedule();
  }

  stop(): void {
    this.#cancel?.();
  }

  #schedule(): void {
    const { clock, beaconInterval } = this.bss.settings;
    const interval = beaconInterval * TU_MS;
    const now = clock.now();
    this.#due += interval * Math.max(1, Math.ceil((now - this.#due) / interval));
    this.#cancel = clock.after(this.#due - now, () => {
      this.#send();
      this.#schedule();
    });
  }

  #send(): void {
    const { bss, downlink } = this;
    const { ssid, hidden, beaconInterval: interval, dtimPeriod } = bss.settings;
    // A medium that had no time for the last one has none for another.
    if (this.#isOnAir) return;
    const isDtim = this.#dtimCount === 0;
    const aids = [...bss.stations.values()]
      .filter(({ asleep, flow }) => asleep && flow.length > 0)
      .map(({ aid }) => aid);
    const tim = encodeTim({
      dtimCount: this.#dtimCount,
      dtimPeriod,
      group: isDtim && downlink.groupIsHeld && downlink.group.length > 0,
      aids,
    });
    const { timestamp, capabilities } = bss;
    const body = encodeBeacon(
      { timestamp, interval, capabilities },
      bss.elements(hidden ? HIDDEN : ssid, tim),
    );
    this.#dtimCount = (this.#dtimCount + dtimPeriod - 1) % dtimPeriod;
    this.#isOnAir = true;
    bss.counters.beacons++;
    downlink.beacon(managementSubtypes.BEACON, body, () => (this.#isOnAir = false));
    if (isDtim) downlink.releaseGroup();
  }
}

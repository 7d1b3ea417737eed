import { reasonCodes } from '@v3vee/wire';
import { type Bss } from './bss';
import { type Downlink } from './downlink';
import { type Membership } from './membership';
import { type Station } from './station';

const SWEEP_MS = 1000;
/** Who is authenticated associates soon, or never. */
const AUTHENTICATED_MS = 30_000;
/** For an answer to the question whether it is there; who sleeps must wake first. */
const ANSWER_MS = 10_000;
/** So many frames in a row that nobody acknowledged, and nothing heard for as long: it is gone, or out of reach. */
const MAX_LOST = 50;
const LOST_MS = 10_000;

/** Finds out who is not there any more. */
export class Presence {
  #cancel: (() => void) | undefined;

  constructor(
    private readonly bss: Bss,
    private readonly downlink: Downlink,
    private readonly membership: Membership,
  ) {}

  start(): void {
    this.#cancel = this.bss.settings.clock.after(SWEEP_MS, () => {
      for (const station of [...this.bss.stations.values()]) this.#look(station);
      this.start();
    });
  }

  stop(): void {
    this.#cancel?.();
  }

  #look(station: Station): void {
    const { clock, inactivityTimeout, bssid } = this.bss.settings;
    const now = clock.now();
    const idle = now - station.lastHeard;
    if (!station.isAssociated) {
      if (idle >= AUTHENTICATED_MS) this.membership.forget(station);
    } else if (station.lostInRow >= MAX_LOST && idle >= LOST_MS) {
      this.membership.deauthenticate(station, reasonCodes.POOR_CHANNEL);
    } else if (station.probedAt !== undefined) {
      if (now - station.probedAt >= ANSWER_MS) {
        this.membership.deauthenticate(station, reasonCodes.INACTIVITY);
      }
    } else if (idle >= inactivityTimeout) {
      station.probedAt = now;
      this.downlink.send(station, { source: bssid, msdu: undefined, isEapol: false });
    }
  }
}

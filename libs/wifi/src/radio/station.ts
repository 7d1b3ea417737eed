import { parseMac } from '@v3vee/wire';
import { newAccount, type Account } from '../air';
import type { Phy, VmPort } from './vm-port';

/**
 * What a vMAC does, as its frames say:
 *
 *     idle --authentication--> authenticating --response--> authenticated --response--> associated
 *       ^                                                                                  |
 *       +------------- deauthentication, disassociation, of either side -------------------+
 *     idle --beacon--> ap
 */
export const stationStates = ['idle', 'authenticating', 'authenticated', 'associated', 'ap'] as const;
export type StationState = (typeof stationStates)[number];

/** Why frames of a vMAC were not sent. */
export type DropReason =
  /** Its queue was full. */
  | 'overflow'
  /** A probe request whose channel was not visited in time. */
  | 'expired'
  /** There is no such channel. */
  | 'badChannel'
  /** Longer than 802.11 has them. */
  | 'tooLong'
  /** Its random address is for probe requests. */
  | 'notAllowed'
  /** A beacon of an access point while the radio was away. */
  | 'away';

/** One virtual interface of a VM. */
export class Station {
  readonly bytes: Uint8Array;
  /** How often the guest began it less how often it ended it. */
  refs = 0;
  /** It was known by a frame: that the guest began it was not heard. */
  isAssumed = false;
  state: StationState = 'idle';
  bssid: string | undefined;
  ssid: string | undefined;
  aid: number | undefined;
  /** When it associated. */
  since: number | undefined;
  /** MHz it wants the radio at. */
  freq: number | undefined;
  /** Until when it wants that, in ms. */
  until = 0;
  /** An answer of the access point is due until then. */
  answerUntil = 0;
  /** Its own power state. */
  sleeps = false;
  /** The radio told the access point that it sleeps. */
  away = false;
  /** When its access point was last heard, or acknowledged something. */
  heard = -Infinity;
  /** Last sequence number of frames that share a counter with ours. */
  sequence = 0;
  /** dBm of the last beacon. */
  signal: number | undefined;
  txRate: number | undefined;
  rxRate: number | undefined;
  readonly sent: Account = newAccount();
  received = 0;
  receivedBytes = 0;
  /** Last frame of it or for it, in ms. */
  lastTraffic = -Infinity;
  /** Frames in queues. */
  queued = 0;
  readonly drops: Partial<Record<DropReason, number>> = {};

  constructor(
    readonly address: string,
    readonly vm: VmPort,
    readonly phy: Phy,
    /** A random address: only for probe requests. */
    readonly scanOnly = false,
  ) {
    this.bytes = parseMac(address);
  }

  drop(reason: DropReason): void {
    this.drops[reason] = (this.drops[reason] ?? 0) + 1;
  }

  /** Whether it has the radio announce its absences. */
  get isAwakeMember(): boolean {
    return this.state === 'associated' && !this.sleeps;
  }

  /** The association is over, or never was. */
  forget(): void {
    this.state = 'idle';
    this.bssid = this.ssid = undefined;
    this.aid = this.since = undefined;
    this.sleeps = this.away = false;
    this.answerUntil = 0;
    this.heard = -Infinity;
  }
}

import { formatMac } from '@v3vee/wire';
import { Defragmenter } from './defragmenter';
import { DuplicateFilter } from './duplicates';
import { Flow } from './flow';
import { RateControl } from './rate-control';
import { type StationKeys } from './station-keys';

/** IEEE 802.11-2020 §11.3.1: states 2, 3 and 4; who is in state 1 is not known at all. */
export type StationState = 'authenticated' | 'associated' | 'authorized';

/** What is shown of a station. `rx` is from the station, `tx` to it. */
export interface StationInfo {
  mac: string;
  state: StationState;
  /** 0 until it is associated. */
  aid: number;
  /** dBm of the last frame. */
  signal: number;
  /** In 100 kbit/s, of the last frame; 0: none yet. */
  rxRate: number;
  txRate: number;
  rxBytes: number;
  txBytes: number;
  rxFrames: number;
  txFrames: number;
  /** Attempts after the first. */
  txRetries: number;
  /** Frames that were given up. */
  txFailed: number;
  /** Frames for which there was no room in its queue. */
  txDropped: number;
  powerSave: boolean;
  /** Frames that wait for it now. */
  buffered: number;
  /** The clock's ms when it was authenticated, or associated if it is. */
  since: number;
  /** ms since it was last heard. */
  inactive: number;
  /** Beacon intervals. */
  listenInterval: number;
  /** As in its association request. */
  capabilities: number;
  /** In 100 kbit/s, common to both. */
  rates: number[];
}

/** One station of a BSS. */
export class Station {
  readonly mac: string;
  state: StationState = 'authenticated';
  aid = 0;
  signal = 0;
  listenInterval = 0;
  capabilities = 0;
  asleep = false;
  /** It fell asleep, and a frame for it has been on its way since before that. */
  isSettling = false;
  since: number;
  lastHeard: number;
  /** It was asked at this time whether it is there. */
  probedAt: number | undefined;
  /** Frames in a row that nobody acknowledged. */
  lostInRow = 0;
  keys: StationKeys | undefined;
  rates: number[] = [];
  rateControl: RateControl | undefined;
  readonly flow: Flow;
  readonly duplicates = new DuplicateFilter();
  defragmenter = new Defragmenter();
  readonly counts = {
    rxRate: 0,
    txRate: 0,
    rxBytes: 0,
    txBytes: 0,
    rxFrames: 0,
    txFrames: 0,
    txRetries: 0,
    txFailed: 0,
    txDropped: 0,
  };

  constructor(
    readonly address: Uint8Array,
    options: { now: number; queueFrames: number; onDrop: () => void },
  ) {
    this.mac = formatMac(address);
    this.since = this.lastHeard = options.now;
    this.flow = new Flow(options.queueFrames, () => {
      this.counts.txDropped++;
      options.onDrop();
    });
  }

  get isAssociated(): boolean {
    return this.state !== 'authenticated';
  }

  heard(now: number, signal: number, rate: number): void {
    this.lastHeard = now;
    this.probedAt = undefined;
    this.lostInRow = 0;
    this.signal = signal;
    this.counts.rxRate = rate;
  }

  fallAsleep(): void {
    this.asleep = true;
    this.isSettling = this.flow.inFlight > 0;
  }

  /** Back to being authenticated only: nothing of the association is left. */
  dissociate(now: number): void {
    this.state = 'authenticated';
    this.since = now;
    this.aid = 0;
    this.asleep = this.isSettling = false;
    this.probedAt = undefined;
    this.lostInRow = 0;
    this.keys?.cancel();
    this.keys = undefined;
    this.rateControl = undefined;
    this.rates = [];
    this.defragmenter = new Defragmenter();
    this.flow.clear();
  }

  info(now: number): StationInfo {
    const { mac, state, aid, signal, since, listenInterval, capabilities, rates } = this;
    return {
      mac,
      state,
      aid,
      signal,
      ...this.counts,
      powerSave: this.asleep,
      buffered: this.flow.length,
      since,
      inactive: now - this.lastHeard,
      listenInterval,
      capabilities,
      rates,
    };
  }
}

import {
  dataSubtypes,
  frameControl,
  frameTypes,
  ieee80211Frame,
  MAX_MSDU_BYTES,
  nullToStation,
  parseMac,
  BROADCAST_MAC,
} from '@v3vee/wire';
import { type Antenna, type RateTry, type TxStatus } from '../antenna';
import { type Bss } from './bss';
import { Flow, type Outgoing } from './flow';
import { type RateControl } from './rate-control';
import { type Station } from './station';

/**
 * Data frames that are with the air at once. It tells that one is over before it looks who is next, so one keeps
 * it busy; each more would be tried in vain when its station falls asleep.
 */
const MAX_IN_FLIGHT = 1;
/** Answers to requests that are on their way: more are a flood. */
const MAX_ANSWERS = 32;
const MANAGEMENT_TRIES = 7;
/** Group frames that wait for the air or for a DTIM. */
const GROUP_QUEUE = 64;
const BROADCAST = parseMac(BROADCAST_MAC);

/**
 * From the access point to its stations. Each station has a queue; whoever had least of the air is next. What is for
 * a station that sleeps stays in its queue, and is announced by the TIM, until it wakes or asks (PS-Poll). Group
 * frames wait for a DTIM while anyone sleeps (IEEE 802.11-2020 §11.2.3).
 */
export class Downlink {
  readonly group: Flow;
  readonly #ready = new Set<Station>();
  #inFlight = 0;
  #answers = 0;
  #running = false;
  /** Virtual time of the last that was chosen: who comes back from idling begins there. */
  #floor = 0;

  constructor(
    private readonly bss: Bss,
    private readonly antenna: Antenna,
  ) {
    this.group = new Flow(GROUP_QUEUE, () => bss.drop('queue-full'));
  }

  get groupIsHeld(): boolean {
    for (const station of this.bss.stations.values()) if (station.asleep) return true;
    return false;
  }

  send(station: Station, frame: Outgoing): void {
    if ((frame.msdu?.length ?? 0) > MAX_MSDU_BYTES) return this.bss.drop('too-long');
    this.#push(station.flow, frame);
    this.#ready.add(station);
    return this.run();
  }

  /** To all stations. */
  sendGroup(destination: Uint8Array, frame: Omit<Outgoing, 'isEapol'>): void {
    if ((frame.msdu?.length ?? 0) > MAX_MSDU_BYTES) return this.bss.drop('too-long');
    this.#push(this.group, { ...frame, isEapol: false, destination });
    return this.run();
  }

  /** A management frame, at once: those that sleep are awake when they wait for an answer. */
  manage(
    to: Uint8Array,
    subtype: number,
    body: Uint8Array,
    done: (status: TxStatus) => void = () => undefined,
  ): void {
    if (this.#answers >= MAX_ANSWERS) {
      this.bss.drop('too-many-answers');
      return done({ acked: false, tries: 0, rate: 0, airtime: 0, signal: 0 });
    }
    this.#answers++;
    this.#transmitNow(this.#managementFrame(to, subtype, body), MANAGEMENT_TRIES, status => {
      this.#answers--;
      done(status);
    });
  }

  beacon(subtype: number, body: Uint8Array, done: () => void): void {
    this.#transmitNow(this.#managementFrame(BROADCAST, subtype, body), 1, done);
  }

  /** A station that sleeps asks for one frame. */
  poll(station: Station): void {
    const { flow } = station;
    // It waits for the answer to its last one.
    if (!station.asleep || flow.inFlight > 0) return;
    const frame = flow.take();
    if (frame) this.#transmit(station, frame, flow.length > 0);
    else this.#ask(station);
  }

  /** Behind a beacon with DTIM: all group frames that waited for it. */
  releaseGroup(): void {
    if (!this.groupIsHeld) return;
    for (let left = this.group.length; left > 0; left--) {
      const frame = this.group.take();
      if (frame) this.#transmitGroup(frame, left > 1);
    }
  }

  /** Sends what may be sent: called when something was queued, somebody woke, or a frame is over. */
  run(): void {
    if (this.#running) return;
    this.#running = true;
    try {
      while (this.#inFlight < MAX_IN_FLIGHT) {
        const next = this.#next();
        if (!next) break;
        const { flow, station } = next;
        this.#floor = flow.virtualTime;
        const frame = flow.take();
        if (!frame) break;
        if (station) this.#transmit(station, frame, false);
        else this.#transmitGroup(frame, false);
      }
    } finally {
      this.#running = false;
    }
  }

  /** Takes back nothing that is with the air. */
  forget(station: Station): void {
    this.#ready.delete(station);
    station.flow.clear();
  }

  #push(flow: Flow, frame: Outgoing): void {
    if (flow.length === 0 && flow.inFlight === 0) flow.virtualTime = Math.max(flow.virtualTime, this.#floor);
    flow.push(frame);
  }

  #next(): { flow: Flow; station?: Station } | undefined {
    let next: { flow: Flow; station?: Station } | undefined;
    let least = Number.POSITIVE_INFINITY;
    const consider = (flow: Flow, station?: Station) => {
      if (flow.virtualTime >= least) return;
      least = flow.virtualTime;
      next = { flow, station };
    };
    if (this.group.length > 0 && !this.groupIsHeld) consider(this.group);
    for (const station of this.#ready) {
      if (station.flow.length === 0) this.#ready.delete(station);
      else if (!station.asleep) consider(station.flow, station);
    }
    return next;
  }

  #transmit(station: Station, frame: Outgoing, moreData: boolean): void {
    const { bss } = this;
    const { rateControl, keys } = station;
    const { msdu } = frame;
    if (!rateControl) return;
    if (!msdu) return this.#ask(station);
    if (bss.security && !keys?.session && !frame.isEapol) return bss.drop('not-authorized');
    const sequence = frame.sequence ?? bss.nextSequence();
    const { FROM_DS, MORE_DATA, RETRY } = frameControl;
    const plain = this.#dataFrame(station.address, { ...frame, sequence }, [
      FROM_DS,
      moreData ? MORE_DATA : 0,
      frame.sequence === undefined ? 0 : RETRY,
    ]);
    const bytes = keys?.session ? keys.session.seal(plain) : plain;
    const rates = frame.isEapol ? rateControl.robust() : rateControl.next();
    return this.#give(station.flow, bytes, rates, status => {
      if (station.rateControl !== rateControl) return;
      // It fell asleep while the frame was on its way: it gets the same one when it is awake.
      if (!status.acked && (station.asleep || station.isSettling)) {
        station.flow.putBack({ ...frame, sequence });
        this.#ready.add(station);
      } else this.#count(station, rateControl, rates, msdu.length, status);
      if (station.flow.inFlight === 0) station.isSettling = false;
    });
  }

  #transmitGroup(frame: Outgoing, moreData: boolean): void {
    const { bss } = this;
    const sequence = bss.nextSequence();
    const flags = [frameControl.FROM_DS, moreData ? frameControl.MORE_DATA : 0];
    const plain = this.#dataFrame(frame.destination ?? BROADCAST, { ...frame, sequence }, flags);
    const bytes = bss.security ? bss.security.groupKeys.seal(plain) : plain;
    bss.counters.txGroup++;
    this.#give(this.group, bytes, [{ rate: bss.lowestRate, tries: 1 }]);
  }

  /** A frame without data: an acknowledgement says that the station is there. */
  #ask(station: Station): void {
    const { rateControl } = station;
    if (!rateControl) return;
    const { bss } = this;
    const frame = nullToStation(bss.settings.bssid, station.address, bss.nextSequence());
    this.#give(station.flow, frame, rateControl.robust(), ({ acked }) => {
      if (station.flow.inFlight === 0) station.isSettling = false;
      if (!acked || station.rateControl !== rateControl) return;
      station.lastHeard = bss.settings.clock.now();
      station.probedAt = undefined;
    });
  }

  #give(
    flow: Flow,
    frame: Uint8Array,
    rates: RateTry[],
    done: (status: TxStatus) => void = () => undefined,
  ): void {
    this.#inFlight++;
    flow.inFlight++;
    const { air, freq } = this.bss.settings;
    air.transmit(this.antenna, { frame, freq, rates }, status => {
      this.#inFlight--;
      flow.inFlight--;
      flow.virtualTime += status.airtime;
      done(status);
      this.run();
    });
  }

  #count(
    station: Station,
    rateControl: RateControl,
    rates: RateTry[],
    bytes: number,
    { acked, tries, rate, ...status }: TxStatus,
  ): void {
    const { counters, settings } = this.bss;
    const retries = Math.max(0, tries - 1);
    station.counts.txRetries += retries;
    counters.txRetries += retries;
    if (acked) {
      station.lastHeard = settings.clock.now();
      station.lostInRow = 0;
      station.counts.txRate = rate;
      station.counts.txFrames++;
      station.counts.txBytes += bytes;
      counters.tx++;
      counters.txBytes += bytes;
    } else {
      station.lostInRow++;
      station.counts.txFailed++;
      counters.txFailed++;
    }
    rateControl.report(rates, { acked, tries, rate, ...status });
  }

  #dataFrame(addr1: Uint8Array, { source, msdu, sequence }: Outgoing, flags: number[]): Uint8Array {
    const fields = { type: frameTypes.DATA, subtype: dataSubtypes.DATA, addr1, sequence };
    const control = flags.reduce((all, flag) => all | flag, 0);
    return ieee80211Frame({ ...fields, flags: control, addr2: this.bss.settings.bssid, addr3: source }, msdu);
  }

  #managementFrame(addr1: Uint8Array, subtype: number, body: Uint8Array): Uint8Array {
    const { bssid } = this.bss.settings;
    const sequence = this.bss.nextSequence();
    return ieee80211Frame(
      { type: frameTypes.MANAGEMENT, subtype, addr1, addr2: bssid, addr3: bssid, sequence },
      body,
    );
  }

  #transmitNow(frame: Uint8Array, tries: number, done: (status: TxStatus) => void): void {
    const { air, freq } = this.bss.settings;
    air.transmit(this.antenna, { frame, freq, rates: [{ rate: this.bss.lowestRate, tries }] }, done);
  }
}

import {
  encodeAuthentication,
  frameControl,
  Ieee80211Frame,
  managementSubtypes,
  nullToAp,
  parseMac,
  psPoll,
  setFrameControl,
} from '@v3vee/wire';
import { type Reception } from '../../antenna';
import { randomSequence } from '../../air/random';
import { ccmpHeader } from '../crypto/ccmp';
import { BROADCAST, BSSID, Cell, ethernet, PASSPHRASE, payload, WIRED } from './cell.fixture';
import { ScriptedStation, type StationOptions } from './station.fixture';

const MAX_STATIONS = 6;
const QUEUE = 20;

/** One that loses its way when a test makes it: what it then cannot make sense of is counted. */
class LostStation extends ScriptedStation {
  confused = 0;

  override receive(reception: Reception): void {
    try {
      super.receive(reception);
    } catch {
      this.confused++;
    }
  }
}

/**
 * Stations that do anything at any time, some with a wrong passphrase, over frames that are mutated, repeated and out
 * of order; and what must hold whatever they do.
 */
export class Chaos {
  readonly cell: Cell;
  readonly stations: LostStation[];
  readonly intruders: ReadonlySet<string>;
  readonly #draw: () => number;
  readonly #history: Uint8Array[] = [];
  /** Highest packet number since the key was agreed on: by receiver, of groups by key index. */
  readonly #numbers = new Map<string, number>();
  #groupKeys = 0;

  constructor(
    seed: number,
    private readonly isSecured: boolean,
  ) {
    const passphrase = isSecured ? PASSPHRASE : undefined;
    this.#draw = randomSequence(seed, 'chaos');
    this.cell = new Cell({
      passphrase,
      maxStations: MAX_STATIONS,
      queueFrames: QUEUE,
      groupKeyInterval: 3_000,
      inactivityTimeout: 4_000,
      onEvent: event => {
        if (event.kind === 'authorized') this.#numbers.delete(event.station);
        // The two indices take turns; a frame under the last key may still be on its way.
        if (event.kind === 'groupKey') this.#numbers.delete(`group ${1 + (++this.#groupKeys & 1)}`);
        this.cell.events.push(event);
      },
    });
    const { air, channel } = this.cell;
    const freq = 5000 + 5 * channel;
    this.stations = Array.from({ length: MAX_STATIONS + 2 }, (_, i) => {
      const own = i % 3 === 2 ? 'some other passphrase' : passphrase;
      const options: StationOptions = { mac: `02:00:00:00:00:0${i}`, air, bssid: BSSID, ssid: 'home', freq };
      return new LostStation({ ...options, passphrase: passphrase && own });
    });
    this.intruders = new Set(
      this.stations
        .filter(({ options }) => options.passphrase !== passphrase)
        .map(({ options }) => options.mac),
    );
    air.tap(({ from, frame }) => {
      if (from === 'ap/home') this.#watch(Ieee80211Frame.read(frame));
      else this.#history.push(frame);
      if (this.#history.length > 200) this.#history.shift();
    });
  }

  /** One thing happens. */
  step(): void {
    const station = this.stations[this.#below(this.stations.length)] as LostStation;
    const actions = this.#below(8) === 0 ? this.#disturbances(station) : this.#traffic(station);
    actions[this.#below(actions.length)]?.();
    this.cell.clock.turn(this.#below(4) === 0 ? this.#below(this.#below(10) === 0 ? 3_000 : 50) : 0);
    this.#check();
  }

  /** Everybody is quiet; who has the passphrase can still join, and is reached. */
  settle(): void {
    const { cell } = this;
    for (const station of this.stations) {
      station.freq = 5000 + 5 * cell.channel;
      station.gate = (_, answer) => answer;
    }
    cell.clock.turn(20_000);
    for (const station of this.stations) cell.ap.deauthenticate(station.options.mac);
    cell.clock.turn(2_000);
    const good = this.stations[0] as LostStation;
    good.connect();
    cell.clock.turn(3_000);
    const before = good.unicast.length;
    cell.ap.deliver(ethernet(good.address, WIRED, 1));
    cell.clock.turn(50);
    if (good.unicast.length !== before + 1) throw new Error('the access point does not serve any more');
    cell.ap.stop();
    cell.clock.turn(60_000);
    if (cell.clock.timers > 0) throw new Error(`${cell.clock.timers} timers are left`);
  }

  /** What changes who belongs to the BSS, and who hears what. */
  #disturbances(station: LostStation): (() => void)[] {
    const { cell } = this;
    return [
      () => station.connect(),
      () => station.associate(this.#below(2) === 0 ? WIRED : undefined),
      () => station.leave(),
      () =>
        station.manage(
          managementSubtypes.AUTHENTICATION,
          encodeAuthentication({ algorithm: this.#below(3), transaction: this.#below(3), status: 0 }),
        ),
      () => station.manage(this.#below(16), this.#bytes(this.#below(60))),
      () => void (station.freq = undefined),
      () => void (station.gate = (_, answer) => (this.#below(3) === 0 ? undefined : answer)),
      () => void (station.gate = (_, answer) => this.#mutated(answer)),
      () => cell.ap.deauthenticate(station.options.mac),
      () => cell.ap.forget(station.options.mac),
      () => cell.ap.renewGroupKey(),
    ];
  }

  #traffic(station: LostStation): (() => void)[] {
    const { cell } = this;
    const bssid = parseMac(BSSID);
    const hear = (frame: Uint8Array) =>
      cell.ap.receive({ frame, freq: 5000 + 5 * cell.channel, signal: -40, rate: 60 });
    const number = this.#below(1_000);
    const other = this.stations[this.#below(this.stations.length)] as LostStation;
    const data = (options: Parameters<LostStation['dataFrame']>[2]) =>
      station.dataFrame(WIRED, payload(number), options);
    return [
      () => cell.info(station)?.state === 'authorized' || station.connect(),
      () => station.send([WIRED, BROADCAST, other.address][this.#below(3)] as Uint8Array, payload(number)),
      () => station.transmit(data({ tid: this.#below(16), plain: this.#below(2) === 0 })),
      () =>
        station.transmit(
          data({ flags: this.#below(2) * frameControl.MORE_FRAGMENTS, fragment: this.#below(3) }),
        ),
      () => {
        const frame = data({});
        frame[frame.length - 1 - this.#below(20)] = this.#below(256);
        station.transmit(frame);
      },
      () => station.sendEapol(this.#bytes(this.#below(200))),
      () => station.sleep(),
      () => station.wake(),
      () => station.poll(),
      () => station.transmit(psPoll(this.#below(2_100), bssid, station.address)),
      () => void (station.freq = 5000 + 5 * cell.channel),
      () => void (station.gate = (_, answer) => answer),
      () => cell.ap.deliver(ethernet(station.address, WIRED, number)),
      () => cell.ap.deliver(ethernet(BROADCAST, WIRED, number)),
      () => cell.ap.deliver(this.#bytes(this.#below(40))),
      () => hear(this.#bytes(this.#below(100))),
      () => hear(nullToAp(bssid, station.address, { sleeps: this.#below(2) === 0 })),
      // What was on the air comes again, as it was or changed.
      () => this.#past(frame => hear(frame)),
      () => this.#past(frame => hear(this.#mutated(frame))),
      () => {
        const frame = this.#history.at(-1);
        if (frame && frame.length > 24) hear(retried(frame));
      },
    ];
  }

  #check(): void {
    const { cell } = this;
    const stations = cell.ap.stations();
    const aids = stations.map(({ aid }) => aid).filter(aid => aid > 0);
    const faults = [
      stations.length > MAX_STATIONS && 'more stations than the bound',
      new Set(aids).size !== aids.length && 'one AID twice',
      aids.some(aid => aid > MAX_STATIONS) && 'an AID above the bound',
      stations.some(({ buffered }) => buffered > QUEUE + 1) && 'a queue above its bound',
      cell.clock.timers > 5 + 2 * MAX_STATIONS && `${cell.clock.timers} timers`,
      stations.some(({ mac, state }) => this.intruders.has(mac) && state === 'authorized') &&
        'an intruder is authorized',
      cell.arrived.some(frame => this.intruders.has(macOf(frame))) && 'data of an intruder came through',
    ].filter(Boolean);
    cell.wired.length = 0;
    cell.events.length = 0;
    if (faults.length > 0) throw new Error(faults.join(', '));
  }

  /** A packet number that comes twice under a key gives away what both frames say. */
  #watch(frame: Ieee80211Frame): void {
    if (!frame.isData || frame.isNull) return;
    if (!frame.protected) {
      const isData = (frame.body[6] as number) * 256 + (frame.body[7] as number) !== 0x888e;
      if (isData && this.isSecured) throw new Error('plain data left the access point');
      return;
    }
    const header = ccmpHeader(frame);
    if (!header) throw new Error('no CCMP header');
    const key = frame.isGroupAddressed ? `group ${header.keyIndex}` : frame.receiver;
    if (header.packetNumber <= (this.#numbers.get(key) ?? 0)) {
      throw new Error(`packet number ${header.packetNumber} for ${key} came twice`);
    }
    this.#numbers.set(key, header.packetNumber);
  }

  #past(use: (frame: Uint8Array) => void): void {
    const frame = this.#history[this.#below(this.#history.length)];
    if (frame) use(new Uint8Array(frame));
  }

  #mutated(frame: Uint8Array): Uint8Array {
    const length = this.#below(4) === 0 ? this.#below(frame.length + 1) : frame.length;
    const copy = new Uint8Array(frame.subarray(0, length));
    for (let hits = 1 + this.#below(4); hits > 0 && length > 0; hits--)
      copy[this.#below(length)] = this.#below(256);
    return copy;
  }

  #bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.#below(256));
  }

  #below(bound: number): number {
    return Math.floor(this.#draw() * bound);
  }
}

function retried(frame: Uint8Array): Uint8Array {
  const copy = new Uint8Array(frame);
  setFrameControl(copy, frameControl.RETRY, true);
  return copy;
}

const macOf = (ethernetFrame: Uint8Array): string =>
  [...ethernetFrame.subarray(6, 12)].map(octet => octet.toString(16).padStart(2, '0')).join(':');

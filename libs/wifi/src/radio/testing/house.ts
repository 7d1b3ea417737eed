import { channelFrequency } from '@v3vee/wire';
import { AccessPoint } from '../../access-point';
import { Air } from '../../air';
import { TurnedClock } from '../../air/testing/turned-clock';
import type { RadioSettings } from '../consolidation';
import { Radio } from '../radio';
import { Guest } from './guest';

export const HOME = { bssid: '02:00:00:00:aa:01', ssid: 'home', channel: 36, freq: channelFrequency(36) };
export const WORK = { bssid: '02:00:00:00:aa:02', ssid: 'work', channel: 44, freq: channelFrequency(44) };
export type Cell = typeof HOME;

/** An air with two access points on two channels, and radios with guests. Everything is repeatable. */
export class House {
  readonly clock = new TurnedClock();
  readonly air = new Air({ clock: this.clock });
  readonly aps = new Map<string, AccessPoint>();
  /** Numbers of the data frames that came out at an access point. */
  readonly wired = new Map<string, number[]>();
  #guests = 0;

  constructor(cells: readonly Cell[] = [HOME, WORK], queueFrames = 128) {
    for (const { bssid, ssid, channel } of cells) {
      const numbers: number[] = [];
      const ap = new AccessPoint({
        id: `ap/${ssid}`,
        ssid,
        bssid,
        channel,
        txPower: 20,
        queueFrames,
        clock: this.clock,
        air: this.air,
        distribution: {
          send: frame => frame[12] === 0x88 && frame[13] === 0xb5 && numbers.push(numberOf(frame)),
        },
      });
      this.wired.set(ssid, numbers);
      this.aps.set(ssid, ap);
      this.air.join(ap);
      ap.start();
    }
  }

  radio(id = 'alpha/radio0', settings: Partial<RadioSettings> = {}): Radio {
    const radio = new Radio({ id, air: this.air, clock: this.clock, ...settings });
    this.air.join(radio);
    return radio;
  }

  guest(radio: Radio): Guest {
    const number = ++this.#guests;
    return new Guest(radio, `vm-${number}`, `02:00:00:00:00:0${number}`).up();
  }

  /** A guest that is associated. */
  member(radio: Radio, { bssid, ssid, freq }: Cell = HOME): Guest {
    const guest = this.guest(radio);
    guest.join(bssid, ssid, freq);
    for (let i = 0; i < 100 && !guest.associated; i++) this.clock.turn(10);
    if (!guest.associated) throw new Error(`${guest.vmId} did not get into ${ssid}`);
    return guest;
  }

  /** To a guest from behind an access point. */
  deliver(ssid: string, guest: Guest, number: number, bytes = 100): void {
    const frame = new Uint8Array(14 + bytes);
    frame.set(guest.mac);
    frame.set([2, 0, 0, 0, 0xee, 1, 0x88, 0xb5], 6);
    new DataView(frame.buffer).setUint32(14, number);
    this.aps.get(ssid)?.deliver(frame);
  }

  /** What an access point thinks of a guest. */
  seenBy(ssid: string, guest: Guest) {
    return this.aps
      .get(ssid)
      ?.stations()
      .find(({ mac }) => mac === guest.address);
  }
}

const numberOf = (ethernet: Uint8Array): number =>
  new DataView(ethernet.buffer, ethernet.byteOffset).getUint32(14);

export const numbers = (count: number, from = 1): number[] =>
  Array.from({ length: count }, (_, i) => from + i);

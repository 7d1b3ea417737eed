import { formatMac, parseMac } from '@v3vee/wire';
import type { Air, Listener } from './air.fixture';

const BROADCAST = 'ff:ff:ff:ff:ff:ff';
const TU_MS = 1.024;
const BEACON_TU = 100;
/** ESS, short slot. */
const CAPABILITIES = [0x01, 0x04];
/** 1 to 54 Mbit/s; the basic ones are marked. */
const RATES = [1, 8, 0x82, 0x84, 0x8b, 0x96, 0x0c, 0x12, 0x18, 0x24, 50, 4, 0x30, 0x48, 0x60, 0x6c];

/** An access point without security: beacons, answers, and passes data on between its stations. Written from the standard. */
export class OpenAccessPoint implements Listener {
  readonly stations = new Set<string>();
  private sequence = 0;
  private readonly started = process.hrtime.bigint();
  private readonly timer: NodeJS.Timeout;

  constructor(
    private readonly air: Air,
    readonly address: string,
    private readonly ssid: string,
    private readonly channel: number,
  ) {
    air.listen(this);
    this.timer = setInterval(() => this.beacon(), BEACON_TU * TU_MS);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  hear(frame: Uint8Array, freq: number): void {
    if (freq !== this.freq) return;
    const [type, subtype] = [(frame[0]! >> 2) & 3, frame[0]! >> 4];
    const [to, from] = [formatMac(frame, 4), formatMac(frame, 10)];
    if (type === 0 && subtype === 4 && [BROADCAST, this.address].includes(to)) this.probed(frame, from);
    if (to !== this.address) return;
    if (type === 0 && subtype === 11) this.send(11, from, [0, 0, 2, 0, 0, 0]);
    if (type === 0 && (subtype === 0 || subtype === 2)) this.associate(subtype, from);
    if (type === 0 && (subtype === 10 || subtype === 12)) this.stations.delete(from);
    // data to the distribution system, not one of those that only tell of power management
    if (type === 2 && (subtype & 4) === 0 && (frame[1]! & 3) === 1) this.forward(frame, from);
  }

  private get freq(): number {
    return 2407 + 5 * this.channel;
  }

  private beacon(): void {
    // nobody sleeps: the map of who has frames waiting is empty
    this.send(8, BROADCAST, [...this.description(), 5, 4, 0, 1, 0, 0]);
  }

  private probed(frame: Uint8Array, from: string): void {
    const wanted = Buffer.from(frame.subarray(26, 26 + frame[25]!)).toString();
    if (wanted === '' || wanted === this.ssid) this.send(5, from, this.description());
  }

  private associate(subtype: number, from: string): void {
    this.stations.add(from);
    this.send(subtype + 1, from, [...CAPABILITIES, 0, 0, this.stations.size, 0xc0, ...RATES]);
  }

  private forward(frame: Uint8Array, from: string): void {
    const destination = formatMac(frame, 16);
    const isGroup = (frame[16]! & 1) === 1;
    if (!this.stations.has(from) || !(isGroup || this.stations.has(destination))) return;
    const hasQos = (frame[0]! & 0x80) !== 0;
    const header = [
      0x08,
      0x02,
      0,
      0,
      ...frame.subarray(16, 22),
      ...parseMac(this.address),
      ...parseMac(from),
    ];
    const body = frame.subarray(hasQos ? 26 : 24);
    this.air.send(Uint8Array.from([...header, ...this.next(), ...body]), this.freq);
  }

  /** Timestamp, interval, capabilities; SSID, rates, channel. */
  private description(): number[] {
    const timestamp = Buffer.alloc(8);
    timestamp.writeBigUInt64LE((process.hrtime.bigint() - this.started) / 1000n);
    const name = Buffer.from(this.ssid);
    return [
      ...timestamp,
      BEACON_TU,
      0,
      ...CAPABILITIES,
      0,
      name.length,
      ...name,
      ...RATES,
      3,
      1,
      this.channel,
    ];
  }

  private send(subtype: number, to: string, body: readonly number[]): void {
    const own = parseMac(this.address);
    const header = [subtype << 4, 0, 0, 0, ...parseMac(to), ...own, ...own, ...this.next()];
    this.air.send(Uint8Array.from([...header, ...body]), this.freq);
  }

  private next(): [number, number] {
    this.sequence = (this.sequence + 1) & 0xfff;
    return [(this.sequence << 4) & 0xff, this.sequence >> 4];
  }
}

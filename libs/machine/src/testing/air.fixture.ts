import {
  decodeHwsim,
  encodeReceived,
  encodeTxStatus,
  formatMac,
  parseMac,
  type HwsimFrame,
} from '@v3vee/wire';
import type { Guest } from '../worker/guest';

/** Whoever hears all frames of the air and may send some. */
export interface Listener {
  readonly address: string;
  hear(frame: Uint8Array, freq: number): void;
}

const SIGNAL = -42;

/**
 * The simplest air there is: everybody hears everybody else, at once and without loss. A frame is acknowledged if
 * somebody has the address that it is for.
 */
export class Air {
  private readonly guests = new Map<Guest, Map<string, { radio: string; uses: number }>>();
  private readonly listeners: Listener[] = [];

  add(guest: Guest): void {
    this.guests.set(guest, new Map());
    guest.onWifi(messages => this.hear(guest, messages));
  }

  remove(guest: Guest): void {
    this.guests.delete(guest);
  }

  listen(listener: Listener): void {
    this.listeners.push(listener);
  }

  /** Addresses in use by the guest's radios, with how often they are. */
  addresses(guest: Guest): Record<string, number> {
    const all = [...(this.guests.get(guest) ?? [])];
    return Object.fromEntries(all.map(([address, { uses }]) => [address, uses]));
  }

  send(frame: Uint8Array, freq: number, from?: { guest: Guest; radio: string }): void {
    for (const [guest, used] of this.guests) {
      const radios = new Set([...used.values()].map(({ radio }) => radio));
      if (guest === from?.guest) radios.delete(from.radio);
      guest.deliverWifi(
        [...radios].map(radio =>
          encodeReceived({ radio: parseMac(radio), frame, rate: 0, signal: SIGNAL, freq }),
        ),
      );
    }
  }

  private hear(guest: Guest, messages: Uint8Array[]): void {
    for (const bytes of messages) {
      const message = decodeHwsim(bytes);
      if (message.kind === 'frame') this.transmit(guest, message);
      else this.note(guest, message.kind, formatMac(message.radio), formatMac(message.address));
    }
  }

  private transmit(guest: Guest, message: HwsimFrame): void {
    const { radio, flags, cookie, frame, freq, rates } = message;
    const to = formatMac(frame, 4);
    const acked =
      [...this.guests.values()].some(used => used.has(to)) ||
      this.listeners.some(({ address }) => address === to);
    const first = { index: rates[0]?.index ?? 0, count: 1 };
    guest.deliverWifi([encodeTxStatus({ radio, flags, cookie, signal: SIGNAL, rates: [first], acked })]);
    this.send(frame, freq, { guest, radio: formatMac(radio) });
    for (const listener of this.listeners) listener.hear(frame, freq);
  }

  private note(guest: Guest, kind: 'addMac' | 'delMac', radio: string, address: string): void {
    const used = this.guests.get(guest);
    const uses = (used?.get(address)?.uses ?? 0) + (kind === 'addMac' ? 1 : -1);
    if (uses < 0) throw new Error(`${address} ceased before it began`);
    if (uses > 0) used?.set(address, { radio, uses });
    else used?.delete(address);
  }
}

import { Air, OFDM_RATES } from '../air';
import { Ear } from '../air/testing/ear';
import { dataFrame } from '../air/testing/frames';
import { TurnedClock } from '../air/testing/turned-clock';
import { randomSequence } from '../air/random';
import { RateControl } from './rate-control';

/** Frames over the real air: how many arrived, and at which rate the last ones did. */
class Link {
  readonly clock = new TurnedClock();
  readonly air = new Air({ clock: this.clock, seed: 1 });
  readonly control = new RateControl(OFDM_RATES, 5180, this.clock, randomSequence(1, 'rate control'));
  readonly #from = new Ear('from', '02:00:00:00:00:01');
  readonly #to = new Ear('to', '02:00:00:00:00:02');

  constructor() {
    this.air.join(this.#from);
    this.air.join(this.#to);
  }

  set snr(snr: number) {
    this.air.setSnr('from', 'to', snr);
  }

  /** @returns share of frames that arrived, their mean rate, and attempts for each */
  send(frames: number): { arrived: number; rate: number; tries: number } {
    let [arrived, rate, tries] = [0, 0, 0];
    for (let i = 0; i < frames; i++) {
      const rates = this.control.next();
      const frame = dataFrame('02:00:00:00:00:02', '02:00:00:00:00:01', 1400, i & 0xfff);
      this.air.transmit(this.#from, { frame, freq: 5180, rates }, status => {
        arrived += status.acked ? 1 : 0;
        rate += status.rate;
        tries += status.tries;
        this.control.report(rates, status);
      });
      this.clock.turn(5);
    }
    return { arrived: arrived / frames, rate: rate / frames, tries: tries / frames };
  }
}

describe('rate control', () => {
  it.each([
    [50, 540],
    [21, 360],
    [14, 240],
    [8, 120],
    [5, 60],
  ])('at %d dB comes near %d', (snr, rate) => {
    const link = new Link();
    link.snr = snr;
    link.send(200);
    const settled = link.send(1_000);
    expect(settled.arrived).toBeGreaterThan(0.99);
    expect(settled.rate).toBeGreaterThan(rate * 0.8);
    expect(settled.tries).toBeLessThan(1.6);
  });

  it('loses next to nothing before it knows the link', () => {
    const link = new Link();
    link.snr = 6;
    expect(link.send(50).arrived).toBeGreaterThan(0.9);
  });

  it('follows the link down, and up again', () => {
    const link = new Link();
    link.snr = 40;
    expect(link.send(200).rate).toBeGreaterThan(500);
    link.snr = 7;
    link.send(100);
    expect(link.send(200).rate).toBeLessThan(130);
    link.snr = 40;
    link.send(1_000);
    expect(link.send(200).rate).toBeGreaterThan(450);
  });

  it('offers at most four rates, some tries each, the lowest among them', () => {
    const link = new Link();
    link.snr = 15;
    for (let i = 0; i < 300; i++) {
      link.send(1);
      const rates = link.control.next();
      expect(rates.length).toBeLessThanOrEqual(4);
      expect(new Set(rates.map(({ rate }) => rate)).size).toBe(rates.length);
      expect(rates.every(({ tries, rate }) => tries >= 1 && OFDM_RATES.includes(rate))).toBe(true);
    }
    expect(link.control.robust()).toEqual([{ rate: 60, tries: 8 }]);
  });

  it('of one rate offers that one', () => {
    const control = new RateControl([60], 5180, new TurnedClock(), () => 0);
    expect(control.next()).toEqual([{ rate: 60, tries: 2 }]);
  });
});

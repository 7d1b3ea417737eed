import { V3Error } from '@v3vee/contracts';

export interface PropagationOptions {
  /** Of the distance: 2 in free space, 3 in rooms, 4 through walls. Default 3. */
  pathLossExponent?: number;
  /** dBm over 20 MHz, the receiver's noise figure included. Default −91: thermal −101, figure 10. */
  noiseFloor?: number;
}

export type Position = readonly [x: number, y: number];

/** dB where neither positions nor an SNR are given: nothing is lost. */
const DEFAULT_SNR = 50;
const MAX_METRES = 1e6;

/**
 * How strong a signal arrives. In this order: the SNR of the link if one is set (both ways, whatever the power);
 * log-distance path loss if both ends have positions; else an SNR of 50 dB.
 *
 * Path loss in dB: that of free space over the first metre, 20·log₁₀(MHz) − 27.55, and 10·n·log₁₀(metres) beyond
 * (Rappaport, Wireless Communications §4.9; no shadowing). Nearer than a metre counts as a metre.
 */
export class Propagation {
  readonly noiseFloor: number;
  readonly #positions = new Map<string, Position>();
  readonly #snr = new Map<string, Map<string, number>>();
  #exponent: number;

  /** @throws V3Error INVALID_REQUEST for an absurd option */
  constructor({ pathLossExponent = 3, noiseFloor = -91 }: PropagationOptions = {}) {
    require(pathLossExponent, 1, 10, 'a path loss exponent');
    require(noiseFloor, -174, 0, 'a noise floor in dBm');
    this.#exponent = pathLossExponent;
    this.noiseFloor = noiseFloor;
  }

  /** @throws V3Error INVALID_REQUEST */
  set pathLossExponent(exponent: number) {
    require(exponent, 1, 10, 'a path loss exponent');
    this.#exponent = exponent;
  }
  get pathLossExponent(): number {
    return this.#exponent;
  }

  position(id: string): Position | undefined {
    return this.#positions.get(id);
  }

  /** @throws V3Error INVALID_REQUEST when it is not two numbers of metres */
  setPosition(id: string, position: Position | undefined): void {
    if (!position) return void this.#positions.delete(id);
    const [x, y] = position;
    require(x, -MAX_METRES, MAX_METRES, `position x of ${id} in metres`);
    require(y, -MAX_METRES, MAX_METRES, `position y of ${id} in metres`);
    this.#positions.set(id, [x, y]);
  }

  /**
   * @param snr dB; undefined: by position again
   * @throws V3Error INVALID_REQUEST
   */
  setSnr(a: string, b: string, snr: number | undefined): void {
    if (a === b) throw new V3Error('INVALID_REQUEST', `${a} has no link with itself; name two antennas`);
    if (snr !== undefined) require(snr, -100, 150, `an SNR between ${a} and ${b} in dB`);
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      const links = this.#snr.get(from) ?? new Map<string, number>();
      this.#snr.set(from, links);
      if (snr === undefined) links.delete(to);
      else links.set(to, snr);
    }
  }

  /** The SNR that was set. */
  fixedSnr(a: string, b: string): number | undefined {
    return this.#snr.get(a)?.get(b);
  }

  /** dBm at `to`. */
  signal(from: { readonly id: string; readonly txPower: number }, to: string, freq: number): number {
    const snr = this.#snr.get(from.id)?.get(to);
    if (snr !== undefined) return this.noiseFloor + snr;
    const [here, there] = [this.#positions.get(from.id), this.#positions.get(to)];
    if (!here || !there) return this.noiseFloor + DEFAULT_SNR;
    const metres = Math.max(1, Math.hypot(here[0] - there[0], here[1] - there[1]));
    const firstMetre = 20 * Math.log10(freq) - 27.55;
    return from.txPower - firstMetre - 10 * this.#exponent * Math.log10(metres);
  }
}

function require(value: number, least: number, most: number, what: string): void {
  if (Number.isFinite(value) && value >= least && value <= most) return;
  throw new V3Error('INVALID_REQUEST', `${what} is a number from ${least} to ${most}, not ${value}`);
}

import type { AccessPoint, RadioView, Station, WifiLink, WifiPosition } from '@v3vee/contracts';

/** Whoever is on the air by itself. */
export interface Antenna {
  /** `alpha/radio0`, `ap/home` */
  id: string;
  kind: 'radio' | 'access-point';
  position: WifiPosition | null;
  label: string;
}

export function antennasOf(radios: readonly RadioView[], accessPoints: readonly AccessPoint[]): Antenna[] {
  return [
    ...radios.map(({ id, position }) => ({ id, kind: 'radio' as const, position, label: id })),
    ...accessPoints.map(({ name, ssid, position }) => ({
      id: `ap/${name}`,
      kind: 'access-point' as const,
      position,
      label: ssid === name ? name : `${name} (${ssid})`,
    })),
  ];
}

/** The part of the plane that is drawn, metres. */
export interface View {
  x: number;
  y: number;
  size: number;
}

const SMALLEST = 20;
const MARGIN = 1.3;

/** A square around all antennas, in steps, so that it does not wobble while one is dragged. */
export function viewOf(antennas: readonly Antenna[]): View {
  const places = antennas.flatMap(({ position }) => (position ? [position] : []));
  if (places.length === 0) return { x: -SMALLEST / 2, y: -SMALLEST / 2, size: SMALLEST };
  const [xs, ys] = [places.map(([x]) => x), places.map(([, y]) => y)];
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const wanted = Math.max(SMALLEST, MARGIN * Math.max(right - left, bottom - top) + 8);
  const size = gridStep(wanted) * Math.ceil(wanted / gridStep(wanted));
  return { x: (left + right - size) / 2, y: (top + bottom - size) / 2, size };
}

/** 1, 2 or 5 times a power of ten: some ten lines in `size`. */
export function gridStep(size: number): number {
  const power = 10 ** Math.floor(Math.log10(size / 10));
  return [1, 2, 5, 10].map(factor => factor * power).find(step => size / step <= 12) as number;
}

export interface Line {
  from: Antenna;
  to: Antenna;
  /** dB, of the way that is heard worse. */
  snr: number;
  isFixed: boolean;
  /** Stations that are connected over it. */
  stations: string[];
}

/** Each pair of antennas that have a place, once. */
export function linesOf(
  antennas: readonly Antenna[],
  links: readonly WifiLink[],
  stations: readonly Station[],
): Line[] {
  const byId = new Map(antennas.map(antenna => [antenna.id, antenna]));
  const lines = new Map<string, Line>();
  for (const { from, to, snr, fixed } of links) {
    const [a, b] = from < to ? [from, to] : [to, from];
    const [one, other] = [byId.get(a), byId.get(b)];
    if (!one?.position || !other?.position || one.kind === other.kind) continue;
    const old = lines.get(`${a} ${b}`);
    lines.set(`${a} ${b}`, {
      from: one,
      to: other,
      snr: Math.min(snr, old?.snr ?? Infinity),
      isFixed: fixed,
      stations: stations
        .filter(
          ({ radio, status }) =>
            status?.accessPoint && [radio, status.accessPoint].every(id => id === a || id === b),
        )
        .map(({ name }) => name),
    });
  }
  return [...lines.values()];
}

/** Below this many dB even the slowest rate is mostly lost; from here on the fastest one works. */
const [WORST, BEST] = [5, 30];
/** 0 to 4 bars of an SNR. */
export const barsOf = (snr: number): number =>
  Math.max(0, Math.min(4, Math.round((4 * (snr - WORST)) / (BEST - WORST))));
/** Thermal noise of 20 MHz at a usual receiver, dBm: what a signal is above. */
const NOISE_DBM = -91;
export const barsOfSignal = (dBm: number): number => barsOf(dBm - NOISE_DBM);

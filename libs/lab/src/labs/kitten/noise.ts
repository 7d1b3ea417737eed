import type { Plot } from '../../plot';

/** What a run of selfish printed. */
export interface Noise {
  /** In the order in which they came, µs since its start; the first 5000. */
  detours: readonly { at: number; length: number }[];
  count: number;
  lostUs: number;
  durationUs: number;
  /** Of its time, 0 … 1: this machine's scheduler had other threads run. */
  waitShare: number;
}

/** @throws Error that quotes what is not understood */
export function readNoise(text: string, waitShare: number): Noise {
  const sum = /rank 0: (\d+) detours, lost ([\d.]+) us of ([\d.]+) us/.exec(text);
  if (!sum) throw new Error(`selfish said: ${text.slice(-200)}`);
  const detours = [...text.matchAll(/^([\d.]+) ([\d.]+)$/gm)].map(([, at, length]) => ({
    at: Number(at),
    length: Number(length),
  }));
  return { detours, count: Number(sum[1]), lostUs: Number(sum[2]), durationUs: Number(sum[3]), waitShare };
}

/** Of the time that the machine let it run. */
export function lostPercent({ lostUs, durationUs, waitShare }: Noise): number {
  const others = Math.min(waitShare * durationUs, lostUs);
  return ((lostUs - others) / (durationUs - others)) * 100;
}

const BINS = 50;

/** What each stretch of the time lost, side above side. */
export function noisePlot(sides: readonly { name: string; noise: Noise }[]): Plot {
  const longest = Math.max(...sides.map(({ noise }) => noise.durationUs));
  const width = longest / BINS;
  return {
    name: `time lost to detours, each ${(width / 1e3).toFixed(0)} ms`,
    steps: {
      name: 'ms',
      labels: Array.from({ length: BINS }, (_, bin) => ((bin * width) / 1e3).toFixed(0)),
    },
    strips: sides.map(({ name, noise }) => {
      const values = new Array<number>(BINS).fill(0);
      for (const { at, length } of noise.detours) {
        const bin = Math.min(BINS - 1, Math.floor(at / width));
        values[bin] = (values[bin] as number) + length;
      }
      return { name, unit: `µs, at most ${Math.max(...values).toFixed(0)}`, values };
    }),
  };
}

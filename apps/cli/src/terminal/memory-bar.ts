import type { HostMemory } from '@v3vee/contracts';
import { formatBytes } from './quantities';

const WIDTH = 64;
type Region = HostMemory['regions'][number];

export const ownerKinds = ['kernel', 'guest', 'native', 'free'] as const;
export type OwnerKind = (typeof ownerKinds)[number];
const MARKS: Record<OwnerKind, string> = { kernel: 'K', guest: 'G', native: 'N', free: '.' };

/** Who has a region: the kernel itself, a guest, a native task, nobody. */
export function ownerKind({ owner }: Pick<Region, 'owner'>): OwnerKind {
  if (owner === null) return 'free';
  if (owner === 'kitten') return 'kernel';
  return owner.startsWith('vm/') ? 'guest' : 'native';
}

/** All of a host's memory in a line, each mark for whoever has most of its part; under it what the marks mean. */
export function memoryBar({ bytes, regions }: Pick<HostMemory, 'bytes' | 'regions'>, width = WIDTH): string {
  const sizes = (from: number, to: number) => {
    const sum: Record<OwnerKind, number> = { kernel: 0, guest: 0, native: 0, free: 0 };
    for (const region of regions) {
      const inside = Math.min(region.start + region.length, to) - Math.max(region.start, from);
      if (inside > 0) sum[ownerKind(region)] += inside;
    }
    return sum;
  };
  const cells = Array.from({ length: width }, (_, cell) => {
    const part = sizes((cell * bytes) / width, ((cell + 1) * bytes) / width);
    return MARKS[ownerKinds.reduce((most, kind) => (part[kind] > part[most] ? kind : most))];
  });
  const all = sizes(0, bytes);
  const legend = ownerKinds.map(kind => `${MARKS[kind]} ${kind} ${formatBytes(all[kind])}`);
  return `[${cells.join('')}] ${formatBytes(bytes)}\n${legend.join('   ')}`;
}

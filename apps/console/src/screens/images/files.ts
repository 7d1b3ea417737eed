import { formatBytes } from '../../model/quantities';

export type Part = 'kernel' | 'initrd';

/** What is wrong with a file before it is sent; undefined: the gateway looks into it. */
export function fileProblem(
  part: Part,
  file: { size: number } | undefined,
  mostBytes: number,
): string | undefined {
  if (!file) return part === 'kernel' ? 'an image needs a kernel: choose its file' : undefined;
  if (file.size === 0) return `the ${part} is empty`;
  if (file.size > mostBytes)
    return `the ${part} has ${formatBytes(file.size)}; it may have at most ${formatBytes(mostBytes)}`;
  return undefined;
}

/** A name for an image of a kernel's file: `vmlinuz-6.1.0_686.img` → `vmlinuz-6-1-0-686`. */
export const nameFrom = (fileName: string): string =>
  fileName
    .toLowerCase()
    .replace(/\.(bin|elf|img)$/, '')
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 63)
    .replace(/^-+|-+$/g, '');

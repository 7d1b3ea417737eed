import { readFile } from 'node:fs/promises';

/** What one connection's two ends may hold at most, bytes (tcp(7): the third value of each is the limit). */
export async function kernelBuffers(): Promise<number> {
  const limits = await Promise.all(
    ['tcp_rmem', 'tcp_wmem'].map(async name => {
      const [, , max] = (await readFile(`/proc/sys/net/ipv4/${name}`, 'utf8')).trim().split(/\s+/);
      return Number(max);
    }),
  );
  return limits.reduce((sum, max) => sum + max, 0);
}

/** `3d4h`, `5m`, `12s`: how long ago, in the two largest units, as kubectl shows ages. */
export function formatAge(since: string | null, now = Date.now()): string {
  if (since === null) return '';
  let seconds = Math.max(0, Math.floor((now - Date.parse(since)) / 1000));
  const parts: string[] = [];
  for (const [unit, size] of [
    ['d', 86_400],
    ['h', 3_600],
    ['m', 60],
    ['s', 1],
  ] as const) {
    const count = Math.floor(seconds / size);
    seconds -= count * size;
    if (count > 0) parts.push(`${count}${unit}`);
  }
  return parts.slice(0, 2).join('') || '0s';
}

export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB'];
  let index = 0;
  for (; bytes >= 1024 && index < units.length - 1; index++) bytes /= 1024;
  return `${index === 0 || bytes >= 100 ? bytes.toFixed(0) : bytes.toFixed(1)} ${units[index]}`;
}

export function formatMiB(mib: number): string {
  return mib >= 1024 && mib % 1024 === 0 ? `${mib / 1024}GiB` : `${mib}MiB`;
}

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

/** `0x0005`, two digits for each byte, more where the number has more. */
export function formatHex(value: number, bytes: number): string {
  return `0x${value.toString(16).padStart(bytes * 2, '0')}`;
}

/** A duration in milliseconds: `0.41 ms`, `12 ms`, `3.5 s`. */
export function formatMilliseconds(ms: number): string {
  const [value, unit] = ms < 1_000 ? [ms, 'ms'] : [ms / 1_000, 's'];
  return `${value < 100 ? Number(value.toPrecision(2)) : Math.round(value)} ${unit}`;
}

/** `14:03:07.123456`, local time, of an instant in microseconds since 1970. */
export function formatClock(microseconds: number): string {
  const at = new Date(microseconds / 1_000);
  const clock = [at.getHours(), at.getMinutes(), at.getSeconds()].map(n => String(n).padStart(2, '0'));
  return `${clock.join(':')}.${String(Math.floor(microseconds) % 1_000_000).padStart(6, '0')}`;
}

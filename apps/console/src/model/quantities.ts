/** How quantities are written: few digits, units of their own, nothing that jumps in width. */

const scaled = (value: number, step: number, units: readonly string[]): string => {
  let index = 0;
  let left = value;
  while (Math.abs(left) >= step * 0.9995 && index < units.length - 1) {
    left /= step;
    index++;
  }
  const digits = Math.abs(left) >= 99.95 || index === 0 ? 0 : 1;
  return `${left.toFixed(digits)} ${units[index]}`;
};

export const formatBytes = (bytes: number): string => scaled(bytes, 1024, ['B', 'KiB', 'MiB', 'GiB', 'TiB']);
export const formatBitRate = (bits: number): string => scaled(bits, 1000, ['b/s', 'kb/s', 'Mb/s', 'Gb/s']);
export const formatMiB = (mib: number): string =>
  mib >= 1024 ? `${Number((mib / 1024).toFixed(2))} GiB` : `${mib} MiB`;
export const formatCount = (count: number): string =>
  count < 10_000
    ? String(Math.round(count))
    : scaled(count, 1000, ['', 'k', 'M', 'G', 'T']).replace(/ $/, '');
export const formatRate = (perSecond: number): string => `${formatCount(perSecond)}/s`;
export const formatPercent = (share: number): string => `${Math.round(100 * share)} %`;

export function formatMs(ms: number): string {
  if (ms < 1) return `${ms.toFixed(2)} ms`;
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  return ms < 1_000 ? `${Math.round(ms)} ms` : formatSeconds(ms / 1000);
}

export function formatSeconds(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3600)} h`;
}

/** Since an instant; whole seconds, so that it does not flicker. */
export const formatAge = (instant: string, now: number): string =>
  formatSeconds(Math.max(0, Math.floor((now - Date.parse(instant)) / 1000))).replace(/\.0 s$/, ' s');

const two = (value: number): string => String(value).padStart(2, '0');
/** `14:02:31` today, else with its date; local time. */
export function formatTime(instant: string, now: number): string {
  const at = new Date(instant);
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  if (new Date(now).toDateString() === at.toDateString()) return time;
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${time}`;
}

export const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

export const formatHex = (value: number, digits = 2): string =>
  `0x${value.toString(16).padStart(digits, '0')}`;

/** Of an id, what tells it apart. */
export const shortId = (id: string): string => id.slice(0, 8);

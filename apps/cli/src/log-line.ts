/** An entry of a service's log (pino's JSON), or any other line it printed. */
export interface LogLine {
  /** pino's: 30 info, 40 warning, 50 error; other lines count as warnings, because nobody prints them on purpose. */
  level: number;
  time: string;
  text: string;
}

const levels: Record<number, string> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
  60: 'fatal',
};
/** Of a log entry, not of what happened. */
const hidden = new Set(['level', 'time', 'pid', 'hostname', 'name', 'msg', 'context', 'req', 'res', 'err']);

export function parseLogLine(line: string): LogLine {
  const entry = parse(line);
  if (!entry) return { level: levelOfText(line), time: '', text: line };
  const details = Object.entries(entry)
    .filter(([key, value]) => !hidden.has(key) && value !== '' && value !== null)
    .map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  const error = entry.err as { message?: unknown } | undefined;
  const text = [entry.msg, error?.message !== entry.msg && error?.message, ...details]
    .filter(part => typeof part === 'string' && part !== '')
    .join(' ');
  const time = typeof entry.time === 'number' ? new Date(entry.time).toISOString().slice(11, 23) : '';
  return { level: Number(entry.level), time, text };
}

/** How NATS and Postgres mark their lines. */
const marks: [RegExp, number][] = [
  [/\[(INF|DBG|TRC)\]/, 30],
  [/\[WRN\]/, 40],
  [/\[(ERR|FTL)\]/, 50],
  [/\b(LOG|DETAIL|HINT|STATEMENT|CONTEXT|NOTICE|DEBUG\d): /, 30],
  [/\bWARNING: /, 40],
  // A client came a moment too early and comes again.
  [/FATAL: {2}the database system is (starting up|shutting down)/, 30],
  [/\b(ERROR|FATAL|PANIC): /, 50],
];

function levelOfText(line: string): number {
  return marks.find(([mark]) => mark.test(line))?.[1] ?? 40;
}

export function formatLogLine({ level, time, text }: LogLine): string {
  // Guests' and files' words may be in it: no escape sequences.
  // eslint-disable-next-line no-control-regex
  const clean = text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, ' ');
  return time ? `${time} ${(levels[level] ?? String(level)).padEnd(5)} ${clean}` : clean;
}

function parse(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const entry = JSON.parse(line) as Record<string, unknown>;
    return typeof entry.level === 'number' ? entry : undefined;
  } catch {
    return undefined;
  }
}

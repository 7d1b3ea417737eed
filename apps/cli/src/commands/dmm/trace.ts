import { once } from 'node:events';
import { openTrace, type TraceSession } from '@v3vee/client';
import { V3Error, type TraceEvent } from '@v3vee/contracts';
import { Option, type Command } from 'commander';
import { parseDevice, wholeNumber } from '../../options';
import { examples } from '../../output';
import { interrupted, withClient } from '../../session';
import { formatEvent } from '../../trace-line';

interface TraceFlags {
  output: 'table' | 'json';
  count?: number;
  register?: string;
}

export function traceCommand(dmm: Command): void {
  dmm
    .command('trace <device>')
    .description('print each access to a device, its interrupts, frames and switches, as they happen')
    .option('-c, --count <events>', 'end after so many', wholeNumber('--count', 1, Number.MAX_SAFE_INTEGER))
    .option('--register <name>', 'only events of this register, for example ISR')
    .addOption(
      new Option('-o, --output <format>', 'a line of text or of JSON for each event')
        .choices(['table', 'json'])
        .default('table'),
    )
    .addHelpText(
      'after',
      `${examples(
        'v3 dmm trace alpha/eth0',
        'v3 dmm trace alpha/eth0 --register ISR -c 20',
        'v3 dmm trace alpha/eth0 -o json > trace.ndjson',
      )}

The columns are time, virtual machine, what happened, register, value, class and what it means. Ctrl-C ends it. Events
that come faster than they can be told are left out and counted; the count is on standard error.`,
    )
    .action(trace);
}

async function trace(name: string, { output, count, register }: TraceFlags): Promise<void> {
  const device = parseDevice(name);
  await withClient(async client => {
    const session = await openTrace(client, device);
    const stop = () => session.stop();
    interrupted.addEventListener('abort', stop, { once: true });
    if (interrupted.aborted) stop();
    try {
      if (process.stderr.isTTY) process.stderr.write(`Tracing ${device}; Ctrl-C ends it\n`);
      const format = output === 'json' ? (event: TraceEvent) => JSON.stringify(event) : formatEvent;
      const onEvent = (event: TraceEvent) => writeLine(format(event));
      const { events, dropped, reason } = await followTrace(session, { onEvent, limit: count, register });
      process.stderr.write(`${events} events, ${dropped} dropped\n`);
      if (reason) throw new V3Error('SERVICE_UNAVAILABLE', `the trace of ${device} ended: ${reason}`);
    } finally {
      interrupted.removeEventListener('abort', stop);
      session.stop();
    }
  });
}

/** Who reads slowly is waited for: then the gateway leaves events out, and says so. */
async function writeLine(line: string): Promise<void> {
  if (!process.stdout.write(`${line}\n`)) await once(process.stdout, 'drain');
}

export interface Followed {
  events: number;
  /** Events that did not arrive, of whatever register. */
  dropped: number;
  /** Why the other side ended it; empty when it was ended here. */
  reason: string;
}

/** Takes a trace to its end. @param register upper or lower case */
export async function followTrace(
  session: TraceSession,
  options: { onEvent: (event: TraceEvent) => Promise<void>; limit?: number; register?: string },
): Promise<Followed> {
  const { onEvent, limit = Infinity } = options;
  const register = options.register?.toLowerCase();
  const followed: Followed = { events: 0, dropped: 0, reason: '' };
  for await (const line of session.lines) {
    if (!('event' in line)) {
      followed.dropped = line.dropped;
      followed.reason = line.ended ?? '';
      continue;
    }
    if (register !== undefined && line.register.toLowerCase() !== register) continue;
    followed.events++;
    await onEvent(line);
    if (followed.events >= limit) break;
  }
  session.stop();
  return followed;
}

import { impairment, V3Error, type Impairment } from '@v3vee/contracts';
import type { Command } from 'commander';

export interface ImpairmentOptions {
  delay?: number;
  jitter?: number;
  loss?: number;
  duplicate?: number;
  corrupt?: number;
  reorder?: number;
  rate?: number | null;
  seed?: number;
  clearImpairment?: boolean;
}

/** What netem(8) does to a line, in its words. */
export function withImpairment(command: Command): Command {
  return command
    .option('--delay <time>', 'every frame comes so much later: 10ms, 0.5s', parseTime('--delay'))
    .option('--jitter <time>', 'the delay is spread by ± this', parseTime('--jitter'))
    .option('--loss <share>', 'so many frames are lost: 1%', parseShare('--loss'))
    .option('--duplicate <share>', 'so many come twice', parseShare('--duplicate'))
    .option('--corrupt <share>', 'of so many, one bit is inverted', parseShare('--corrupt'))
    .option('--reorder <share>', 'so many overtake the delayed ones', parseShare('--reorder'))
    .option('--rate <rate>', 'no faster than this: 10mbit, 500kbit; "unlimited" ends it', parseRate)
    .option('--seed <n>', 'the same seed, the same fate of the same frames', parseSeed)
    .option('--clear-impairment', 'nothing of the above any more');
}

/** What becomes of the present impairment; undefined when nothing was asked for. */
export function changedImpairment(
  options: ImpairmentOptions,
  present: Impairment | null,
): Impairment | null | undefined {
  const { delay, jitter, loss, duplicate, corrupt, reorder, rate, seed, clearImpairment } = options;
  const asked = {
    delayMs: delay,
    jitterMs: jitter,
    lossPercent: loss,
    duplicatePercent: duplicate,
    corruptPercent: corrupt,
    reorderPercent: reorder,
    rateKbit: rate,
    seed,
  };
  const said = Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined));
  if (Object.keys(said).length === 0) return clearImpairment ? null : undefined;
  return impairment.parse({ ...(clearImpairment ? {} : present), ...said });
}

function parseTime(option: string): (text: string) => number {
  const units: Record<string, number> = { us: 0.001, ms: 1, s: 1000 };
  return text => {
    const [, amount, unit = 'ms'] = /^(\d+(?:\.\d+)?)(us|ms|s)?$/.exec(text) ?? [];
    const value = Number(amount) * (units[unit] as number);
    if (value <= 60_000) return value;
    throw new V3Error('USAGE', `${option} is "${text}"; it takes a time of at most 60s: 10ms, 0.5s`);
  };
}

function parseShare(option: string): (text: string) => number {
  return text => {
    const value = Number(/^(\d+(?:\.\d+)?)%?$/.exec(text)?.[1]);
    if (value <= 100) return value;
    throw new V3Error('USAGE', `${option} is "${text}"; it takes a share from 0% to 100%`);
  };
}

function parseRate(text: string): number | null {
  if (text === 'unlimited') return null;
  const units: Record<string, number> = { kbit: 1, mbit: 1000, gbit: 1_000_000 };
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)(kbit|mbit|gbit)$/i.exec(text) ?? [];
  const value = Math.round(Number(amount) * (units[unit.toLowerCase()] ?? NaN));
  if (value >= 1) return value;
  throw new V3Error(
    'USAGE',
    `--rate is "${text}"; it takes at least 1kbit: 500kbit, 10mbit, 1gbit, or unlimited`,
  );
}

function parseSeed(text: string): number {
  if (/^\d{1,10}$/.test(text) && Number(text) <= 0xffffffff) return Number(text);
  throw new V3Error('USAGE', `--seed is "${text}"; it takes a whole number from 0 to 4294967295`);
}

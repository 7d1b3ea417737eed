import type { DeviceAccount, RegisterAccount } from '@v3vee/contracts';
import type { SharedCardAccount } from '@v3vee/machine';
import { KEPT, summarise } from './durations';

/** What was counted at a card since it was first used, and, in ms, how long all exits and switches took together. */
export interface CardFigures {
  account: DeviceAccount;
  exitsMs: number;
  switchesMs: number;
}

/** What all guests of a card did with it. */
export function deviceAccount(
  { exits, exitMs, exitsMs: _, ...counts }: SharedCardAccount,
  switches: Pick<DeviceAccount, 'switches' | 'forced'>,
): DeviceAccount {
  return { ...counts, exits: summarise(exitMs, exits), ...switches };
}

/** Of several guests, as of one. */
export function merged(accounts: readonly SharedCardAccount[]): SharedCardAccount {
  const sum = (of: (account: SharedCardAccount) => number) =>
    accounts.reduce((total, account) => total + of(account), 0);
  return {
    registers: sumRegisters(accounts.flatMap(({ registers }) => registers)),
    exitMs: accounts.flatMap(({ exitMs }) => exitMs),
    exits: sum(({ exits }) => exits),
    exitsMs: sum(({ exitsMs }) => exitsMs),
    interrupts: sum(({ interrupts }) => interrupts),
    frames: {
      received: sum(({ frames }) => frames.received),
      transmitted: sum(({ frames }) => frames.transmitted),
      held: sum(({ frames }) => frames.held),
      dropped: sum(({ frames }) => frames.dropped),
      spoofed: sum(({ frames }) => frames.spoofed),
    },
    denied: sum(({ denied }) => denied),
  };
}

/** Of a guest that is gone: what waited for it waits no more. The latest of its exits are kept, not all of all guests. */
export function ended(before: SharedCardAccount, account: SharedCardAccount): SharedCardAccount {
  const both = merged([before, account]);
  return { ...both, exitMs: both.exitMs.slice(-KEPT), frames: { ...both.frames, held: 0 } };
}

function sumRegisters(rows: readonly RegisterAccount[]): RegisterAccount[] {
  const byName = new Map<string, RegisterAccount>();
  for (const row of rows) {
    const key = `${row.direction} ${row.register}`;
    const present = byName.get(key);
    if (!present) byName.set(key, { ...row });
    else for (const name of ['open', 'shadow', 'exit'] as const) present[name] += row[name];
  }
  return [...byName.values()];
}

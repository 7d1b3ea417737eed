import type { DeviceAccount, RegisterAccount } from '@v3vee/contracts';
import type { SharedCardAccount } from '@v3vee/machine';
import { summarise } from './durations';

/** What all guests of a card did with it, those included that have gone. */
export function sumAccounts(
  accounts: readonly SharedCardAccount[],
  switches: Pick<DeviceAccount, 'switches' | 'forced'>,
): DeviceAccount {
  const sum = (of: (account: SharedCardAccount) => number) =>
    accounts.reduce((total, account) => total + of(account), 0);
  return {
    registers: sumRegisters(accounts.flatMap(({ registers }) => registers)),
    exits: summarise(
      accounts.flatMap(({ exitMs }) => exitMs),
      sum(({ exits }) => exits),
    ),
    ...switches,
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

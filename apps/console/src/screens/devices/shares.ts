import type { DmmDevice } from '@v3vee/contracts';

export interface Accesses {
  open: number;
  shadow: number;
  exit: number;
  all: number;
  /** Share of all that needed the VMM: 0 to 1. */
  hooked: number;
}

/** What the registers' counters say together. */
export function accessesOf(account: DmmDevice['account']): Accesses {
  const sums = { open: 0, shadow: 0, exit: 0 };
  for (const each of account?.registers ?? []) {
    sums.open += each.open;
    sums.shadow += each.shadow;
    sums.exit += each.exit;
  }
  const all = sums.open + sums.shadow + sums.exit;
  return { ...sums, all, hooked: all === 0 ? 0 : sums.exit / all };
}

import type { LinkConfig, LinkStatus } from '@v3vee/contracts';

/** What runs the links. */
export interface LinkRunner {
  /** Opens, changes and closes links until they are these. A link that cannot be opened is in state ERROR; nothing is thrown. */
  converge(configs: readonly LinkConfig[]): void | Promise<void>;
  statuses(): LinkStatus[];
}
export const LINK_RUNNER = Symbol('LINK_RUNNER');

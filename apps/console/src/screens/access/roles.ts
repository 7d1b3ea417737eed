import type { Role } from '@v3vee/contracts';

/** What each may do, besides what those before it may. */
export const roleHints: Record<Role, string> = {
  viewer: 'Looks at everything, changes nothing.',
  operator: 'Makes and runs virtual machines, networks and what belongs to them.',
  admin: 'All of it: hosts, users, tokens, projects and the audit log, too.',
};

import type { AccessToken, Project, User } from '@v3vee/contracts';
import { allPages } from '../../api/all-pages';
import { usePolled, type Polled } from '../../api/use-polled';
import { useApp, useMay } from '../../app-context';

/** People change seldom; what projects have, more often. */
const PERIOD_MS = 3_000;
const PAGE = 1_000;

/** None for who may not list them. */
export function useUsers(): Polled<User[]> {
  const { rest } = useApp();
  const isAsked = useMay()('listUsers');
  return usePolled(`users/${isAsked}`, PERIOD_MS, signal =>
    isAsked
      ? allPages(pageToken => rest.call('listUsers', {}, { query: { pageSize: PAGE, pageToken }, signal }))
      : Promise.resolve([]),
  );
}

/** @param user whose; undefined: everybody's */
export function useTokens(user?: string): Polled<AccessToken[]> {
  const { rest } = useApp();
  return usePolled(`tokens/${user ?? ''}`, PERIOD_MS, signal =>
    allPages(pageToken =>
      rest.call('listTokens', {}, { query: { pageSize: PAGE, pageToken, user }, signal }),
    ),
  );
}

export function useProjects(): Polled<Project[]> {
  const { rest } = useApp();
  return usePolled('projects', PERIOD_MS, signal =>
    allPages(pageToken => rest.call('listProjects', {}, { query: { pageSize: PAGE, pageToken }, signal })),
  );
}

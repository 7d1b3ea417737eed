import type { List } from '@v3vee/contracts';

/** All items of a list that is shown whole, over all its pages. @throws ApiError */
export async function allPages<T>(ask: (pageToken: string | undefined) => Promise<List<T>>): Promise<T[]> {
  const items: T[] = [];
  for (let pageToken: string | undefined; pageToken !== '';) {
    const page = await ask(pageToken);
    items.push(...page.items);
    pageToken = page.nextPageToken;
  }
  return items;
}

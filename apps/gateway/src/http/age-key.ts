import type { AgeKey } from '@v3vee/store';

/** Where a listing by age stopped, as it is sealed into a page token. */
export const ageOf = ({ createdAt, id }: AgeKey) => ({ createdAt, id });

/** Back from a page token, whose seal says that `ageOf` made it. */
export function ageKey(position: unknown): AgeKey {
  const { createdAt, id } = position as { createdAt: string; id: string };
  return { createdAt: new Date(createdAt), id };
}

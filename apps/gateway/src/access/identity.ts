import type { Role } from '@v3vee/contracts';

/** Who a request is of. */
export interface Identity {
  user: string;
  role: Role;
  /** The one project that this is confined to; null: none. */
  project: string | null;
  /** Null: the administrator's own, from the file. */
  tokenId: string | null;
  /** Null: never. */
  expiresAt: Date | null;
}

/** Whoever has the token of the file: there before any user is. */
export const ADMINISTRATOR: Identity = {
  user: 'admin',
  role: 'admin',
  project: null,
  tokenId: null,
  expiresAt: null,
};

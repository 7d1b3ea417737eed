/** One page of a listing by keyset: what comes strictly after `after`, at most `limit` rows. */
export interface PageOf<Key> {
  after?: Key;
  limit: number;
}

/** Where a listing by age stopped. */
export interface AgeKey {
  createdAt: Date;
  id: string;
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Whether a number can be one that Postgres gave a row of a `serial` column. */
export const isSerial = (value: number): boolean =>
  Number.isInteger(value) && value > 0 && value <= 0x7fffffff;

/** Whether a text can be compared with a uuid column at all; Postgres refuses anything else. */
export const isUuid = (text: string): boolean => uuid.test(text);

import type { AuditEntry } from '@v3vee/contracts';

/** What the outcome was in HTTP's terms, and by the catalogue of errors. */
export const detailOf = ({ status, code }: Pick<AuditEntry, 'status' | 'code'>): string =>
  status === 0 ? 'the client left' : `${status}${code === null ? '' : ` ${code}`}`;

/** Without the request id, which is long and told elsewhere. */
export const targetOf = ({ target }: Pick<AuditEntry, 'target'>): string =>
  target.replace(/([?&])requestId=[^&]*(&?)/, (_, before: string, after: string) => (after ? before : ''));

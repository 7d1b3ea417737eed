import type { IncomingHttpHeaders } from 'node:http';
import { V3Error } from '@v3vee/contracts';

/**
 * A browser says which page a request comes from (RFC 6454). Ours come from this gateway; a page from elsewhere that
 * has the user's browser speak to us is turned away, above all from WebSockets, which no same-origin policy keeps it from.
 * Who sends no `Origin` is no page.
 * @throws V3Error ORIGIN_NOT_ALLOWED
 */
export function requireSameOrigin({ origin, host }: IncomingHttpHeaders): void {
  if (origin === undefined || (URL.canParse(origin) && new URL(origin).host === host?.toLowerCase())) return;
  throw new V3Error(
    'ORIGIN_NOT_ALLOWED',
    `the page of ${origin.slice(0, 200)} is not of this gateway (${host ?? 'no Host header'}); a proxy in between has to leave Host as it is`,
  );
}

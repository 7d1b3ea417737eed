import { isIP } from 'node:net';
import type { IncomingHttpHeaders } from 'node:http';
import { V3Error } from '@v3vee/contracts';
import type { GatewayConfig } from '../config';

type NameConfig = Pick<GatewayConfig, 'V3_HTTP_HOST' | 'V3_ALLOWED_HOSTS'>;

/** All names are good. */
export const ANY_NAME = '*';

/** The name in a `Host` header, without port and brackets, lower case; undefined: it is none. */
const nameIn = (host: string): string | undefined =>
  /^(?:\[([0-9a-f:.]+)\]|([^\s:/?#@\\[\]]+?)\.?)(?::\d*)?$/
    .exec(host.toLowerCase())
    ?.slice(1)
    .find(part => part !== undefined);

/** RFC 6761, section 6.3: such a name is this machine's, and nobody asks the DNS for it. */
const isLoopback = (name: string): boolean =>
  name === 'localhost' ||
  name.endsWith('.localhost') ||
  name === '::1' ||
  (isIP(name) === 4 && name.startsWith('127.'));

/**
 * A page of another site can have its own name lead to this address (DNS rebinding), and is then of the gateway's origin.
 * What it cannot change is the name, which browsers send as `Host`: only names that are known to be the gateway's are
 * served. An address is no name that somebody could make lead elsewhere, and who sends no `Host` is no browser. On an
 * address that others reach, any name is served unless it is said which.
 */
export class ServerNames {
  private readonly known: ReadonlySet<string>;
  private readonly isOpen: boolean;

  constructor({ V3_HTTP_HOST: listen, V3_ALLOWED_HOSTS: known }: NameConfig) {
    this.known = new Set(known);
    this.isOpen = this.known.has(ANY_NAME) || (known.length === 0 && !isLoopback(listen));
  }

  /** @throws V3Error SERVER_NAME_NOT_ALLOWED */
  require({ host }: IncomingHttpHeaders): void {
    if (this.isOpen || host === undefined) return;
    const name = nameIn(host);
    if (name !== undefined && (isIP(name) !== 0 || isLoopback(name) || this.known.has(name))) return;
    throw new V3Error(
      'SERVER_NAME_NOT_ALLOWED',
      `"${host.slice(0, 200)}" is no name of this gateway; if it should be one, V3_ALLOWED_HOSTS has to have it`,
    );
  }
}

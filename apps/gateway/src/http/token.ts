import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { V3Error, type Session } from '@v3vee/contracts';

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();

const SESSION_MS = 12 * 3_600_000;

/**
 * Who may do what. One token so far, the administrator's; its digest alone is kept in memory. Sessions are sealed with a
 * key from it: they are not kept anywhere, outlive a restart of the gateway, and end with the administrator's token.
 */
export class Tokens {
  private constructor(private readonly admin: Buffer) {}

  /** @throws V3Error USAGE when the file is missing or its token is too short to be safe */
  static fromFile(path: string): Tokens {
    let token: string;
    try {
      token = readFileSync(path, 'utf8').trim();
    } catch (cause) {
      throw new V3Error('USAGE', `V3_ADMIN_TOKEN_FILE: ${(cause as Error).message}`, { cause });
    }
    if (token.length < 32) {
      throw new V3Error('USAGE', `V3_ADMIN_TOKEN_FILE: the token in ${path} has fewer than 32 characters`);
    }
    return new Tokens(sha256(token));
  }

  /** @param header value of `Authorization` */
  static bearer(header: string | undefined): string | undefined {
    return /^Bearer +([^ ]+) *$/i.exec(header ?? '')?.[1];
  }

  /**
   * @param header value of `Authorization`
   * @returns the name of whoever holds the token
   * @throws V3Error UNAUTHENTICATED
   */
  authenticate(header: string | undefined): string {
    const token = Tokens.bearer(header);
    if (token === undefined) {
      throw new V3Error('UNAUTHENTICATED', 'send the header "Authorization: Bearer <token>"');
    }
    // Digests have one length, so the comparison takes the same time whatever was sent.
    if (!timingSafeEqual(sha256(token), this.admin)) this.authenticateSession(token);
    return 'admin';
  }

  /** A bearer token that is good for some hours. */
  session(now = Date.now()): Session {
    const end = now + SESSION_MS;
    const content = `session.${end.toString(36)}.${randomBytes(9).toString('base64url')}`;
    return { token: `${content}.${this.seal(content)}`, expiresAt: new Date(end).toISOString() };
  }

  /** A key for a purpose, the same after a restart as long as the token is. */
  derive(purpose: string): Buffer {
    return createHmac('sha256', this.admin).update(purpose).digest();
  }

  private authenticateSession(token: string): void {
    const [, content = '', end = '', seal = ''] =
      /^(session\.([0-9a-z]+)\.[\w-]+)\.([\w-]+)$/.exec(token) ?? [];
    if (content === '' || !timingSafeEqual(sha256(seal), sha256(this.seal(content)))) {
      throw new V3Error('UNAUTHENTICATED', 'this token is not valid here');
    }
    if (Number.parseInt(end, 36) <= Date.now()) {
      throw new V3Error('UNAUTHENTICATED', 'this session is over; begin another one');
    }
  }

  private seal(content: string): string {
    return createHmac('sha256', this.derive('sessions')).update(content).digest('base64url');
  }
}

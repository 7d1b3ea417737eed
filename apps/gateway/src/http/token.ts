import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { V3Error } from '@v3vee/contracts';

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();

const SESSION_MS = 12 * 3_600_000;

/** Whose a token is: the administrator's, or what tells the store's token, its id or the digest of its secret. */
export type Holder = 'admin' | { id: string } | { digest: Buffer };

/**
 * What tokens look like. The administrator's comes from a file; its digest alone is kept in memory. Sessions are sealed
 * with a key from it: they are not kept anywhere, outlive a restart of the gateway, and end with the token that began them.
 */
export class Tokens {
  /** Of users' tokens, so that they are known where they turn up. */
  static readonly PREFIX = 'v3_';

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
   * @throws V3Error UNAUTHENTICATED where it can be none of ours
   */
  holder(header: string | undefined, now = Date.now()): Holder {
    const token = Tokens.bearer(header);
    if (token === undefined) {
      throw new V3Error('UNAUTHENTICATED', 'send the header "Authorization: Bearer <token>"');
    }
    const digest = sha256(token);
    // Digests have one length, so the comparison takes the same time whatever was sent.
    if (timingSafeEqual(digest, this.admin)) return 'admin';
    return token.startsWith(Tokens.PREFIX) ? { digest } : this.holderOfSession(token, now);
  }

  /**
   * A bearer token that is good for some hours.
   * @param tokenId of the token that begins it; null: the administrator's
   * @param limit when that is over
   */
  session(
    tokenId: string | null,
    limit: Date | null = null,
    now = Date.now(),
  ): { token: string; expiresAt: string } {
    const end = Math.min(now + SESSION_MS, limit?.getTime() ?? Infinity);
    const whose = `${tokenId ?? 'admin'}-${randomBytes(9).toString('base64url')}`;
    const content = `session.${end.toString(36)}.${whose}`;
    return { token: `${content}.${this.seal(content)}`, expiresAt: new Date(end).toISOString() };
  }

  /** A key for a purpose, the same after a restart as long as the token is. */
  derive(purpose: string): Buffer {
    return createHmac('sha256', this.admin).update(purpose).digest();
  }

  private holderOfSession(token: string, now: number): Holder {
    const [, content = '', end = '', id = '', seal = ''] =
      /^(session\.([0-9a-z]+)\.(admin|[0-9a-f-]{36})-[\w-]+)\.([\w-]+)$/.exec(token) ?? [];
    if (content === '' || !timingSafeEqual(sha256(seal), sha256(this.seal(content)))) {
      throw new V3Error('UNAUTHENTICATED', 'this token is not valid here');
    }
    if (Number.parseInt(end, 36) <= now) {
      throw new V3Error('UNAUTHENTICATED', 'this session is over; begin another one');
    }
    return id === 'admin' ? 'admin' : { id };
  }

  private seal(content: string): string {
    return createHmac('sha256', this.derive('sessions')).update(content).digest('base64url');
  }
}

import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { V3Error } from '@v3vee/contracts';

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Who may do what. One token so far, the administrator's; its digest alone is kept in memory. */
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

  /**
   * @param header value of `Authorization`
   * @returns the name of whoever holds the token
   * @throws V3Error UNAUTHENTICATED
   */
  authenticate(header: string | undefined): string {
    const token = /^Bearer +([^ ]+) *$/i.exec(header ?? '')?.[1];
    if (token === undefined) {
      throw new V3Error('UNAUTHENTICATED', 'send the header "Authorization: Bearer <token>"');
    }
    // Digests have one length, so the comparison takes the same time whatever was sent.
    if (!timingSafeEqual(sha256(token), this.admin)) {
      throw new V3Error('UNAUTHENTICATED', 'this token is not valid here');
    }
    return 'admin';
  }

  /** A key for a purpose, the same after a restart as long as the token is. */
  derive(purpose: string): Buffer {
    return createHmac('sha256', this.admin).update(purpose).digest();
  }
}

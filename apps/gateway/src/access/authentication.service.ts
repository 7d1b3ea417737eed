import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { V3Error, type Session } from '@v3vee/contracts';
import { UserRepository, type TokenHolder } from '@v3vee/store';
import { Tokens } from '../http/token';
import { ADMINISTRATOR, type Identity } from './identity';

/** When a token was last used is kept to the minute, not written with each request. */
const TOUCH_MS = 60_000;

/** Who has a token. A user's is looked up with each request: one that is revoked is no good from then on. */
@Injectable()
export class Authentication {
  constructor(
    private readonly tokens: Tokens,
    private readonly users: UserRepository,
  ) {}

  /** @param header value of `Authorization` @throws V3Error UNAUTHENTICATED */
  async identify(header: string | undefined, now = new Date()): Promise<Identity> {
    const by = this.tokens.holder(header, now.getTime());
    if (by === 'admin') return ADMINISTRATOR;
    const holder = await this.users.holder(by);
    if (!holder) throw new V3Error('UNAUTHENTICATED', 'this token is not valid here');
    const { token, role, project, disabled } = holder;
    if (disabled) throw new V3Error('UNAUTHENTICATED', `the user ${token.user} is disabled`);
    if (token.revokedAt) throw new V3Error('UNAUTHENTICATED', 'this token was revoked');
    if (token.expiresAt && token.expiresAt <= now)
      throw new V3Error('UNAUTHENTICATED', `this token expired at ${token.expiresAt.toISOString()}`);
    if (!token.usedAt || now.getTime() - token.usedAt.getTime() >= TOUCH_MS)
      await this.users.touch(token.id, now);
    // Whoever is confined is an operator there at most.
    const confined = project !== null && role === 'admin' ? 'operator' : role;
    return { user: token.user, role: confined, project, tokenId: token.id, expiresAt: token.expiresAt };
  }

  /** A session that ends with its token at the latest. */
  session({ user, role, project, tokenId, expiresAt }: Identity): Session {
    return { ...this.tokens.session(tokenId, expiresAt), user, role, project };
  }

  /** @param project that it is confined to, besides what its user is @throws V3Error USER_NOT_FOUND, PROJECT_NOT_FOUND */
  async issue(
    user: string,
    project: string | null,
    expiresAt: Date | null,
  ): Promise<{ secret: string; holder: TokenHolder }> {
    const secret = `${Tokens.PREFIX}${randomBytes(32).toString('base64url')}`;
    const digest = createHash('sha256').update(secret).digest();
    const { id } = await this.users.createToken({ id: randomUUID(), user, digest, project, expiresAt });
    return { secret, holder: (await this.users.holder({ id })) as TokenHolder };
  }
}

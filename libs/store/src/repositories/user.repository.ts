import type { Role } from '@v3vee/contracts';
import { DataSource, IsNull, MoreThan } from 'typeorm';
import { translating } from '../constraints';
import { TokenEntity, UserEntity } from '../entities';
import { isUuid, type AgeKey, type PageOf } from '../page';

export interface TokenHolder {
  token: TokenEntity;
  role: Role;
  /** The user's own, or what the token confines it to. */
  project: string | null;
  /** The user is. */
  disabled: boolean;
}

/** Users and their tokens. */
export class UserRepository {
  constructor(private readonly dataSource: DataSource) {}

  private users() {
    return this.dataSource.getRepository(UserEntity);
  }
  private tokens() {
    return this.dataSource.getRepository(TokenEntity);
  }

  get(name: string): Promise<UserEntity | null> {
    return this.users().findOneBy({ name });
  }

  /** By name. */
  list({ after, limit }: PageOf<string>): Promise<UserEntity[]> {
    return this.users().find({
      where: after === undefined ? {} : { name: MoreThan(after) },
      order: { name: 'ASC' },
      take: limit,
    });
  }

  /** @throws V3Error USER_EXISTS, PROJECT_NOT_FOUND */
  async create(user: { name: string; role: Role; project: string | null }): Promise<UserEntity> {
    await translating(
      {
        user_name_unique: ['USER_EXISTS', `a user named "${user.name}" exists; choose another name`],
        user_project_exists: ['PROJECT_NOT_FOUND', `there is no project "${user.project}"`],
      },
      () => this.users().insert(user),
    );
    return this.users().findOneByOrFail({ name: user.name });
  }

  async update(name: string, patch: { role?: Role; disabled?: boolean }): Promise<void> {
    if (Object.keys(patch).length > 0) await this.users().update({ name }, patch);
  }

  /** Names of those whose tokens are no good for now. */
  async disabled(): Promise<ReadonlySet<string>> {
    const users = await this.users().find({ select: { name: true }, where: { disabled: true } });
    return new Set(users.map(({ name }) => name));
  }

  /** With all its tokens. */
  async remove(name: string): Promise<void> {
    await this.users().delete({ name });
  }

  /** How many tokens that are good now each user has. */
  async tokenCounts(now = new Date()): Promise<Map<string, number>> {
    const rows: { user: string; count: string }[] = await this.dataSource.query(
      `SELECT user_name AS "user", count(*) FROM access_token
       WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $1) GROUP BY user_name`,
      [now],
    );
    return new Map(rows.map(({ user, count }) => [user, Number(count)]));
  }

  /** @throws V3Error USER_NOT_FOUND, PROJECT_NOT_FOUND */
  async createToken(
    token: Pick<TokenEntity, 'id' | 'user' | 'digest' | 'project' | 'expiresAt'>,
  ): Promise<TokenEntity> {
    await translating(
      {
        token_user_exists: ['USER_NOT_FOUND', `there is no user "${token.user}"`],
        token_project_exists: ['PROJECT_NOT_FOUND', `there is no project "${token.project}"`],
      },
      () => this.tokens().insert(token),
    );
    return this.tokens().findOneByOrFail({ id: token.id });
  }

  async getToken(id: string): Promise<TokenEntity | null> {
    return isUuid(id) ? this.tokens().findOneBy({ id }) : null;
  }

  tokensOf(user: string): Promise<TokenEntity[]> {
    return this.tokens().findBy({ user });
  }

  /** Newest first. */
  listTokens({ after, limit, user }: PageOf<AgeKey> & { user?: string }): Promise<TokenEntity[]> {
    const query = this.tokens()
      .createQueryBuilder('token')
      .orderBy('token.created_at', 'DESC')
      .addOrderBy('token.id', 'DESC')
      .limit(limit);
    if (user !== undefined) query.andWhere('token.user_name = :user', { user });
    if (after) query.andWhere('(token.created_at, token.id) < (:createdAt, :id)', { ...after });
    return query.getMany();
  }

  /** Of a digest, or by id; good or not. */
  async holder(by: { digest: Buffer } | { id: string }): Promise<TokenHolder | null> {
    const token = await this.tokens().findOneBy(by);
    const user = token && (await this.get(token.user));
    if (!token || !user) return null;
    return { token, role: user.role, project: user.project ?? token.project, disabled: user.disabled };
  }

  /** The first time counts. */
  async revoke(id: string): Promise<TokenEntity> {
    await this.tokens().update({ id, revokedAt: IsNull() }, { revokedAt: new Date() });
    return this.tokens().findOneByOrFail({ id });
  }

  async touch(id: string, usedAt: Date): Promise<void> {
    await this.tokens().update({ id }, { usedAt });
  }
}

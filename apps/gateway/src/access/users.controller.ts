import type { ServerResponse } from 'node:http';
import { Controller, Res } from '@nestjs/common';
import { V3Error, type AccessToken, type List, type NewToken, type Self, type User } from '@v3vee/contracts';
import { UserRepository, type TokenEntity, type UserEntity } from '@v3vee/store';
import { ageKey, ageOf } from '../http/age-key';
import { Endpoint, Input, type Caller, type InputOf } from '../http/endpoint';
import { PageTokens } from '../http/page-tokens';
import { Authentication } from './authentication.service';
import { ADMINISTRATOR, type Identity } from './identity';
import { OpenConnections } from './open-connections';

@Controller()
export class UsersController {
  constructor(
    private readonly users: UserRepository,
    private readonly authentication: Authentication,
    private readonly connections: OpenConnections,
    private readonly pages: PageTokens,
  ) {}

  @Endpoint('getSelf')
  self(@Input() { caller }: InputOf<'getSelf'>): Self {
    const { user, role, project, expiresAt } = caller.identity as Identity;
    return { user, role, project, expiresAt: expiresAt?.toISOString() ?? null };
  }

  @Endpoint('listUsers')
  async list(@Input() { query }: InputOf<'listUsers'>): Promise<List<User>> {
    const { pageSize, pageToken } = query;
    const after = pageToken === undefined ? undefined : (this.pages.open('users', pageToken) as string);
    const rows = await this.users.list({ after, limit: pageSize + 1 });
    const counts = await this.users.tokenCounts();
    return this.pages.page(
      'users',
      rows,
      pageSize,
      user => user.name,
      user => view(user, counts),
    );
  }

  @Endpoint('getUser')
  async get(@Input() { params }: InputOf<'getUser'>): Promise<User> {
    return view(await this.find(params.user), await this.users.tokenCounts());
  }

  @Endpoint('createUser')
  async create(@Input() { body }: InputOf<'createUser'>): Promise<User> {
    if (body.name === ADMINISTRATOR.user)
      throw new V3Error(
        'USER_EXISTS',
        `${body.name} is who has the cluster's own token; choose another name`,
      );
    return view(await this.users.create(body), new Map());
  }

  @Endpoint('updateUser')
  async update(@Input() { params, body, caller }: InputOf<'updateUser'>): Promise<User> {
    const { name, role, project } = await this.find(params.user);
    const isOtherRole = body.role !== undefined && body.role !== role;
    const path = body.disabled ? 'disabled' : isOtherRole ? 'role' : undefined;
    if (path !== undefined) refuseSelf(name, caller, path);
    if (body.role === 'admin' && project !== null) {
      const message = `an admin is of no project, and ${name} is of ${project}`;
      throw new V3Error('INVALID_REQUEST', message, { fields: [{ path: 'role', message }] });
    }
    await this.users.update(name, body);
    // What is open goes by what it might do before; whoever still may opens it anew.
    if (path !== undefined) for (const { id } of await this.users.tokensOf(name)) this.connections.close(id);
    return view(await this.find(name), await this.users.tokenCounts());
  }

  @Endpoint('deleteUser')
  async delete(@Input() { params, caller }: InputOf<'deleteUser'>): Promise<object> {
    const { name } = await this.find(params.user);
    refuseSelf(name, caller, 'user');
    const tokens = await this.users.tokensOf(name);
    await this.users.remove(name);
    for (const { id } of tokens) this.connections.close(id);
    return {};
  }

  @Endpoint('listTokens')
  async tokens(@Input() { query }: InputOf<'listTokens'>): Promise<List<AccessToken>> {
    const { pageSize, pageToken, user } = query;
    const listing = `tokens/${user ?? ''}`;
    const after = pageToken === undefined ? undefined : ageKey(this.pages.open(listing, pageToken));
    const rows = await this.users.listTokens({ after, limit: pageSize + 1, user });
    const disabled = await this.users.disabled();
    return this.pages.page(listing, rows, pageSize, ageOf, token =>
      tokenView(token, disabled.has(token.user)),
    );
  }

  @Endpoint('createToken')
  async issue(@Input() { body }: InputOf<'createToken'>): Promise<NewToken> {
    const { user, project, expiresIn } = body;
    const { project: own } = await this.find(user);
    if (project !== undefined && own !== null && project !== own)
      throw new V3Error(
        'INVALID_REQUEST',
        `project: ${user} is of project ${own}, and so are all its tokens`,
      );
    const expiresAt = expiresIn === undefined ? null : new Date(Date.now() + expiresIn * 1000);
    const { secret, holder } = await this.authentication.issue(user, project ?? own, expiresAt);
    return { ...tokenView(holder.token, holder.disabled), token: secret };
  }

  @Endpoint('revokeToken')
  async revoke(
    @Input() { params }: InputOf<'revokeToken'>,
    @Res({ passthrough: true }) answer: ServerResponse,
  ): Promise<AccessToken> {
    const known = await this.users.getToken(params.token);
    if (!known) throw new V3Error('TOKEN_NOT_FOUND', `there is no token "${params.token}"`);
    const token = await this.users.revoke(known.id);
    this.connections.close(token.id, answer);
    return tokenView(token, false);
  }

  private async find(name: string): Promise<UserEntity> {
    const user = await this.users.get(name);
    if (!user) throw new V3Error('USER_NOT_FOUND', `there is no user "${name}"`);
    return user;
  }
}

/** No admin locks themselves out. @param path of what is asked for */
function refuseSelf(name: string, { identity }: Caller, path: string): void {
  // A store of before may have a user of the administrator's name.
  if (identity?.user !== name || identity.tokenId === null) return;
  const message = `${name} can't do that to ${name}: another admin has to`;
  throw new V3Error('INVALID_REQUEST', message, { fields: [{ path, message }] });
}

function view(
  { name, role, project, disabled, createdAt }: UserEntity,
  counts: ReadonlyMap<string, number>,
): User {
  const tokens = disabled ? 0 : (counts.get(name) ?? 0);
  return { name, role, project, tokens, disabled, createdAt: createdAt.toISOString() };
}

/** @param isDisabled its user is */
function tokenView(token: TokenEntity, isDisabled: boolean): AccessToken {
  const { id, user, project, createdAt, expiresAt, revokedAt, usedAt } = token;
  const isOver = expiresAt !== null && expiresAt.getTime() <= Date.now();
  return {
    id,
    user,
    project,
    state: revokedAt ? 'REVOKED' : isOver ? 'EXPIRED' : isDisabled ? 'DISABLED' : 'VALID',
    createdAt: createdAt.toISOString(),
    expiresAt: expiresAt?.toISOString() ?? null,
    revokedAt: revokedAt?.toISOString() ?? null,
    usedAt: usedAt?.toISOString() ?? null,
  };
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  isAtLeast,
  outcomeOf,
  projectKinds,
  roles,
  tokenSpec,
  userSpec,
  type Access,
  type Role,
  type Scope,
} from './access';
import { rest } from './rest';
import { streams } from './rest-streams';
import { validate } from './validate';

const declared: [name: string, access: Access][] = [...Object.entries(rest), ...Object.entries(streams)].map(
  ([name, { access }]) => [name, access],
);

/** The table of the guide, made from what is declared. */
function roleTable(): string[] {
  const columns: ((scope: Scope) => boolean)[] = [
    scope => scope === 'shared',
    scope => (projectKinds as readonly string[]).includes(scope),
    scope => scope === 'cluster',
  ];
  const cell = (role: Role, isOf: (scope: Scope) => boolean) =>
    declared
      .filter(([, [least, scope]]) => least === role && isOf(scope))
      .map(([name]) => name)
      .sort()
      .join(', ');
  return roles.map(role => `| ${[`**${role}**`, ...columns.map(isOf => cell(role, isOf))].join(' | ')} |`);
}

describe('access', () => {
  it('is in the guide as it is declared', () => {
    const guide = readFileSync(join(__dirname, '../../../docs/GUIDE.md'), 'utf8');
    const rows = guide.split('\n').filter(line => /^\| \*\*(viewer|operator|admin)\*\* /.test(line));
    expect(rows).toEqual(roleTable());
  });

  it('a path that names a thing of a project declares that kind', () => {
    for (const [name, { path, access }] of [...Object.entries(rest), ...Object.entries(streams)]) {
      const kind = projectKinds.find(each => path.includes(`{${each}}`));
      if (kind !== undefined)
        expect([name, ['cluster', kind]]).toEqual([name, expect.arrayContaining([access[1]])]);
    }
  });

  it('who changes nothing needs the least role, and it grows', () => {
    expect(isAtLeast('admin', 'operator') && isAtLeast('operator', 'viewer')).toBe(true);
    expect(isAtLeast('viewer', 'operator') || isAtLeast('operator', 'admin')).toBe(false);
  });

  it('of a user and a token is checked', () => {
    expect(() => validate(userSpec, { name: 'a', role: 'root' })).toThrow('role');
    expect(() => validate(userSpec, { name: 'a', role: 'admin', project: 'red' })).toThrow(
      'an admin is of no project',
    );
    expect(validate(tokenSpec, { user: 'a', expiresIn: '30d' }).expiresIn).toBe(30 * 86_400);
    expect(() => validate(tokenSpec, { user: 'a', expiresIn: '40000d' })).toThrow('3650d at most');
  });
});

it('an entry of the audit log says how it ended; what was refused is no failure', () => {
  const outcomes = [101, 200, 202, 400, 401, 403, 404, 409, 421, 429, 500, 0].map(outcomeOf);
  expect(outcomes).toEqual([
    ...['done', 'done', 'done', 'failed', 'refused', 'refused', 'failed', 'failed', 'refused', 'refused'],
    ...['failed', 'failed'],
  ]);
});

import { mkdtempSync, mkdirSync, readFileSync, realpathSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkoutRoot, resolvePaths } from './paths';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'v3-paths-')));
const checkout = (name: string): string => {
  const path = join(folder, name, 'v3vee');
  mkdirSync(path, { recursive: true });
  return path;
};

describe('resolvePaths', () => {
  const user = { home: '/home/someone', isRoot: false, env: {} };

  it('follows the XDG base directories for a user', () => {
    const paths = resolvePaths({ ...user, checkout: checkout('one') });
    expect(paths.cache).toBe('/home/someone/.cache/v3vee');
    expect(paths.state).toMatch(/^\/home\/someone\/\.local\/state\/v3vee\/v3vee-[0-9a-f]{8}$/);
    const env = { XDG_CACHE_HOME: '/c', XDG_STATE_HOME: '/s' };
    const xdg = resolvePaths({ ...user, env, checkout: checkout('one') });
    expect(xdg.cache).toBe('/c/v3vee');
    expect(xdg.state).toMatch(/^\/s\/v3vee\/v3vee-/);
  });

  it('uses /var for root, because Postgres as nobody cannot enter root’s home', () => {
    const paths = resolvePaths({ ...user, home: '/root', isRoot: true, checkout: checkout('one') });
    expect(paths.cache).toBe('/var/cache/v3vee');
    expect(paths.state).toMatch(/^\/var\/lib\/v3vee\/v3vee-/);
  });

  it('takes the folders that the environment names', () => {
    const env = { V3_CACHE_DIR: '/x/cache', V3_STATE_DIR: '/x/state', XDG_CACHE_HOME: '/c' };
    expect(resolvePaths({ ...user, env, checkout: checkout('one') })).toMatchObject({
      cache: '/x/cache',
      state: '/x/state',
    });
  });

  it('gives two checkouts of the same name their own state, and one checkout the same by every path', () => {
    const one = resolvePaths({ ...user, checkout: checkout('one') });
    const two = resolvePaths({ ...user, checkout: checkout('two') });
    expect(one.state).not.toBe(two.state);
    expect(one.cache).toBe(two.cache);
    symlinkSync(checkout('one'), join(folder, 'link'));
    expect(resolvePaths({ ...user, checkout: join(folder, 'link') })).toEqual(one);
  });

  it('finds the checkout that it is part of', () => {
    expect(JSON.parse(readFileSync(join(checkoutRoot, 'package.json'), 'utf8'))).toMatchObject({
      name: 'v3vee',
    });
  });
});

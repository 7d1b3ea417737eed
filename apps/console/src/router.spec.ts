import { href, parsePath } from './router';

describe('addresses', () => {
  it.each([
    ['', []],
    ['#/', []],
    ['#/vms/a1/terminal', ['vms', 'a1', 'terminal']],
    ['#/devices/alpha%2Feth0', ['devices', 'alpha/eth0']],
    ['#/vms/%zz?x=1', ['vms', '%zz']],
  ])('%s', (hash, parts) => expect(parsePath(hash)).toEqual(parts));

  it('come back as they were', () =>
    expect(parsePath(href('vms', 'a/b?#', 'x'))).toEqual(['vms', 'a/b?#', 'x']));
});

import { screenKind } from './screens';

it.each([
  ['', ''],
  ['vms', 'vms'],
  ['vms/vm7/nics', 'vms/*/nics'],
  ['devices/alpha%2Feth0', 'devices/*'],
  ['networks/routes?x=1', 'networks/routes'],
])('the screen of %s is %s', (path, kind) => {
  expect(screenKind(path, new Set(['vm7', 'alpha', 'lan']))).toBe(kind);
});

import { parseTopology } from '@v3vee/contracts';
import { topologyOf } from './topology';

it('is a cluster file in each stage', () => {
  const alone = parseTopology(topologyOf({ vms: ['n', 'g'], accessPoints: ['open'], dedicated: true }));
  expect(alone.hosts.alpha?.radios).toEqual([{ name: 'radio0' }, { name: 'radio1', dedicated: true }]);
  expect(alone.vms.n?.wifi).toEqual([{ radio: 'radio1', ip: '10.10.0.11/24' }]);
  expect(alone.vms.g).toMatchObject({ image: 'debian-wifi', wifi: [], nics: [] });
  const shared = parseTopology(
    topologyOf({ vms: ['w1', 'w2', 'w3', 'w4'], accessPoints: ['secret', 'attic'] }),
  );
  expect(Object.keys(shared.vms)).toEqual(['s', 'w1', 'w2', 'w3', 'w4']);
  expect(shared.vms.w4?.wifi).toMatchObject([{ radio: 'radio0' }]);
  expect(shared.accessPoints.attic).toMatchObject({ ssid: 'lab-secret', channel: 11 });
});

import { cardModels, parseTopology } from '@v3vee/contracts';
import { topologyOf } from './card-cluster';

it.each(cardModels)('declares a cluster with three cards of the model %s that is accepted', model => {
  const { hosts, vms } = parseTopology(topologyOf(model));
  expect(hosts.alpha!.nics.map(nic => [nic.name, nic.model, nic.network])).toEqual([
    ['eth0', model, 'lan'],
    ['eth1', model, 'lan'],
    ['eth2', model, 'lan'],
  ]);
  const uses = Object.entries(vms).map(([name, vm]) => [name, vm.nics[0]!.device, vm.nics[0]!.access]);
  expect(uses).toEqual([
    ['p1', 'eth0', undefined],
    ['p2', 'eth0', undefined],
    ['n', 'eth1', 'passthrough'],
    ['e', 'eth2', 'emulated'],
    ['v', undefined, undefined],
    ['s', undefined, undefined],
  ]);
  expect(Object.entries(vms).flatMap(([name, vm]) => (vm.autostart ? [] : name))).toEqual(['p2']);
});

import { defaultNicSettings } from '@v3vee/contracts';
import { neighbours } from './definitions';

const nic = (network: string, ip: string | null) => ({
  index: 0,
  networkId: network,
  network,
  vni: 1,
  mac: '02:00:00:00:00:01',
  ip,
  dhcp: false,
  dns: null,
  ...{ device: null, access: null, model: null },
  settings: defaultNicSettings,
});

describe('the names that guests know', () => {
  it('are those of the other VMs with an address on a shared network', () => {
    const vms = [
      { id: '1', name: 'a1', nics: [nic('red', '10.0.0.1/24'), nic('blue', '10.1.0.1/24')] },
      { id: '2', name: 'a2', nics: [nic('red', null), nic('blue', '10.1.0.2/24')] },
      { id: '3', name: 'b1', nics: [nic('red', '10.0.0.3/24')] },
      { id: '4', name: 'c1', nics: [nic('green', '10.2.0.1/24')] },
      { id: '5', name: 'none', nics: [] },
    ];
    expect(Object.fromEntries(neighbours(vms))).toEqual({
      1: [
        { name: 'a2', address: '10.1.0.2' },
        { name: 'b1', address: '10.0.0.3' },
      ],
      2: [
        { name: 'a1', address: '10.0.0.1' },
        { name: 'b1', address: '10.0.0.3' },
      ],
      3: [{ name: 'a1', address: '10.0.0.1' }],
      4: [],
      5: [],
    });
  });
});

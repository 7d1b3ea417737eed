import type { VmDefinition } from '@v3vee/store';
import { parseIpv4 } from '@v3vee/wire';
import { membersByNetwork } from './members';

it('has the Wi-Fi NICs of VMs in the networks of the access points that offer their SSID', () => {
  const wifi = (index: number, ssid: string | null, ip: string | null) =>
    ({ index, ssid, mac: `02:00:00:00:01:0${index}`, ip }) as VmDefinition['wifi'][number];
  const nic = {
    index: 0,
    networkId: 'lan',
    mac: '02:00:00:00:00:00',
    ip: null,
  } as VmDefinition['nics'][number];
  const vm = {
    id: 'a',
    name: 'a1',
    nics: [nic],
    wifi: [wifi(0, 'home', '10.0.0.5/24'), wifi(1, null, null)],
  };
  const accessPoints = [
    { ssid: 'home', networkId: 'lan' },
    { ssid: 'home', networkId: 'lan' },
    { ssid: 'home', networkId: 'attic' },
    { ssid: 'cafe', networkId: 'wan' },
  ];
  const statuses = new Map([['a', { ips: [['10.0.0.9/24'], ['10.0.0.5/24'], []] }]]);
  const station = {
    name: 'a1',
    mac: '02:00:00:00:01:00',
    fixed: parseIpv4('10.0.0.5'),
    reported: ['10.0.0.5'],
  };
  expect(membersByNetwork([vm], statuses, accessPoints)).toEqual(
    new Map([
      ['lan', [{ name: 'a1', mac: nic.mac, fixed: null, reported: ['10.0.0.9'] }, station]],
      ['attic', [station]],
    ]),
  );
});

import { defaultNicSettings, nicSpec, type Vm } from '@v3vee/contracts';
import { indexOfNic, withMovedNic, withNic, withoutNic } from './definition';

const nic = (n: number, more: Partial<Vm['nics'][number]> = {}): Vm['nics'][number] => ({
  name: `eth${n}`,
  model: 'virtio-net',
  device: null,
  access: null,
  network: 'lan',
  mac: `02:00:00:00:00:0${n}`,
  ips: [`10.10.0.${n}/24`],
  settings: { ...defaultNicSettings, spoofGuard: n === 1 },
  ...more,
});
const card = nic(2, { model: 'rtl8139', device: 'eth0', access: 'vpio', ips: [] });

describe('NICs of a stopped VM', () => {
  it('keep what they were, and are taken by the contract', () => {
    const [first, second] = withoutNic([nic(1), card, nic(3)], 2);
    expect(first).toEqual({
      network: 'lan',
      mac: '02:00:00:00:00:01',
      ip: '10.10.0.1/24',
      settings: { ...defaultNicSettings, spoofGuard: true },
    });
    expect(second).toMatchObject({ device: 'eth0', access: 'vpio' });
    expect(second).not.toHaveProperty('ip');
    for (const spec of [first, second]) expect(nicSpec.safeParse(spec).success).toBe(true);
  });

  it('of physical cards come last', () => {
    const { specs, index } = withNic([nic(1), card], { network: 'wan' });
    expect(index).toBe(1);
    expect(specs.map(({ network, device }) => [network, device])).toEqual([
      ['lan', undefined],
      ['wan', undefined],
      ['lan', 'eth0'],
    ]);
    expect(withNic([], { network: 'wan' }).index).toBe(0);
  });

  it('move to another network with their MAC, not with their address', () => {
    const [first, second] = withMovedNic([nic(1), nic(2)], 0, { network: 'wan' });
    expect(first).toMatchObject({ network: 'wan', mac: '02:00:00:00:00:01' });
    expect(first).not.toHaveProperty('ip');
    expect(second).toMatchObject({ network: 'lan', ip: '10.10.0.2/24' });
    expect(withMovedNic([nic(1)], 0, { network: 'wan', ip: '10.20.0.1/24' })[0]!.ip).toBe('10.20.0.1/24');
  });

  it('are found by their MAC, wherever they are by now, or said to be gone', () => {
    const now = { name: 'a1', nics: [nic(3), nic(1)] };
    expect(indexOfNic(now, nic(1).mac)).toBe(1);
    expect(() => indexOfNic(now, nic(4).mac)).toThrow('a1 has no NIC with 02:00:00:00:00:04 any more');
  });
});

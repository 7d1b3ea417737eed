import { diskSpecs, type VmDisk } from '@v3vee/contracts';
import { withDisk, withoutDisk } from './definition';

const disk = (name: string, more: Partial<VmDisk> = {}): VmDisk => ({
  ...{ name, device: 'vda', bytes: 64 << 20, image: null },
  ...{ readOnly: false, cdrom: false, mount: `/mnt/${name}`, root: false, ...more },
});
const disks = [
  disk('data', { mount: '/data' }),
  disk('home', { root: true }),
  disk('disc', { cdrom: true, image: 'installer', readOnly: true }),
];

describe('a VM’s disks, defined anew', () => {
  it('keep what they were, and are taken by the contract', () => {
    const kept = withDisk(disks, { name: 'more', size: '32MiB' });
    expect(diskSpecs.parse(kept)).toMatchObject([
      { name: 'data', size: 64, mount: '/data' },
      { name: 'home', size: 64, root: true },
      { name: 'disc', image: 'installer', cdrom: true },
      { name: 'more', size: 32 },
    ]);
  });

  it('are those but one that is deleted', () => {
    expect(withoutDisk(disks, 'home').map(({ name }) => name)).toEqual(['data', 'disc']);
  });
});

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { vmSpec, type Vm } from '../resources';
import { nicSettings } from '../vnet';
import { deviceClasses, readPalaciosXml, writePalaciosXml } from './index';

const named = { name: 'a1', host: 'alpha', network: 'lan' };

/** In the shape of the files that came with the original. */
const original = `<?xml version="1.0"?>
<!-- a PC -->
<vm class="PC">
  <memory>256</memory>
  <telemetry>enable</telemetry>
  <paging mode="VTLB">shadow</paging>
  <schedule_hz>100</schedule_hz>
  <cores count="1"><core /></cores>
  <files><file id="harddisk" filename="/images/root-fs.img" /></files>
  <devices>
    <device id="8259A" name="PIC"/>
    <device class="PCI" id="pci0"/>
    <device class="i440FX" id="northbridge"><bus>pci0</bus></device>
    <device class="LAPIC" id="apic"/>
    <device class="LNX_VIRTIO_BLK" id="blk_virtio"><bus>pci0</bus></device>
    <device class="FILEDISK" id="HD 0" writable="1"><file>harddisk</file><frontend tag="blk_virtio"/></device>
    <device id="RAMDISK" name="scratch"><size>64</size><frontend tag="blk_virtio" /></device>
    <device class="LNX_VIRTIO_NIC" id="nic"><mac>02:00:00:00:00:01</mac></device>
    <device class="VNET_NIC" id="vnet"><frontend tag="nic"/></device>
    <device class="NE2000" id="eth0"><bus>pci0</bus><access>passthrough</access></device>
  </devices>
</vm>`;

describe('a configuration file of the original', () => {
  it('describes a VM of ours', () => {
    const { spec, notes } = readPalaciosXml(original, named);
    expect(vmSpec.parse(spec)).toMatchObject({
      ...{ name: 'a1', host: 'alpha', memoryMiB: 256 },
      disks: [
        { name: 'hd-0', image: 'root-fs', readOnly: false },
        { name: 'scratch', size: 64 },
      ],
      nics: [
        { network: 'lan', mac: '02:00:00:00:00:01' },
        { network: 'lan', device: 'eth0', access: 'passthrough' },
      ],
    });
    expect(notes).toEqual([
      'line 6: <paging> has no effect: the engine translates addresses in its own way',
      'line 7: <schedule_hz> has no effect: each guest has a core to itself',
      'line 14: <device> has no effect: LAPIC: the machine has an 8259A only',
    ]);
  });

  it.each([
    ['<vm class="PC">\n<colour/></vm>', 'line 2: <colour>: it is not understood'],
    [
      '<vm class="PC"><devices>\n\n<device class="E1000" id="x"/></devices></vm>',
      'line 3: <device>: there is no device of class "E1000"',
    ],
    [
      '<vm class="PC"><memmap><region><start>0</start></region></memmap></vm>',
      'line 1: <region>: there is no host-physical memory',
    ],
    ['<vm class="PC" colour="red"></vm>', 'it has an attribute "colour"'],
  ])('is refused with what is not understood, unless that is to be left out: %s', (text, message) => {
    expect(() => readPalaciosXml(text, named)).toThrow(message);
    expect(readPalaciosXml(text, { ...named, ignoreUnknown: true }).notes[0]).toContain('is left out');
  });

  it.each([
    ['<vm class="CRAY"/>', 'a VM is of class "PC", not "CRAY"'],
    ['<cluster/>', 'the file describes a <cluster>, not a <vm>'],
    ['<vm class="PC"><memory>much</memory></vm>', '"much" is not a whole number'],
    ['<vm class="PC"><cores count="4"/></vm>', 'a guest has one core, not 4'],
    [
      '<vm class="PC"><devices><device class="RAMDISK" id="a"><frontend tag="b"/></device></devices></vm>',
      'its frontend "b" is not there',
    ],
    ['<vm class="PC"><memory>1</vm>', 'line 1, column'],
    ['<!DOCTYPE vm [<!ENTITY a "b">]><vm class="PC">&a;</vm>', 'a document type'],
    ['<vm class="PC"><memory>&a;</memory></vm>', 'undefined entity'],
    ['', 'document must contain a root element'],
    [`<vm class="PC">${'<files>'.repeat(17)}`, 'nested more than 16 deep'],
    [`<vm class="PC">${'<files/>'.repeat(5000)}</vm>`, 'more than 4096 elements'],
    [`<vm class="PC">${' '.repeat(300_000)}</vm>`, 'more than 262144 bytes'],
  ])('is refused where it is wrong: %s', (text, message) => {
    expect(() => readPalaciosXml(text, { ...named, ignoreUnknown: true })).toThrow(message);
  });

  it('needs a name and a host', () => {
    expect(() => readPalaciosXml('<vm class="PC"/>')).toThrow('give --name and --host');
  });
});

it('a VM is written so that it is read as it was', () => {
  const vm: Vm = {
    ...{
      id: '0',
      name: 'a&1',
      project: 'default',
      host: 'alpha',
      epoch: 1,
      state: 'STOPPED',
      reason: '',
      image: 'debian',
    },
    ...{ memoryMiB: 128, autostart: true, boot: 'cold', failover: 'checkpoint', checkpointEvery: 60 },
    ...{ agent: false, core: null, wifi: [], devices: [], createdAt: '', startedAt: null },
    yield: { strategy: 'friendly', thresholdUs: 100, sleepMs: 10, scheduleHz: 100 },
    disks: [
      {
        name: 'root',
        device: 'vda',
        bytes: 64 << 20,
        image: null,
        readOnly: false,
        cdrom: false,
        mount: '/data',
        root: true,
      },
      {
        name: 'cd',
        device: 'vdb',
        bytes: 512,
        image: 'base',
        readOnly: true,
        cdrom: false,
        mount: '/mnt/cd',
        root: false,
      },
      {
        name: 'disc',
        device: 'sr0',
        bytes: 512,
        image: 'boot',
        readOnly: true,
        cdrom: true,
        mount: '',
        root: false,
      },
    ],
    nics: [
      {
        ...{ name: 'eth0', model: 'virtio-net', device: null, access: null, network: 'lan' },
        ...{ mac: '02:00:00:00:00:01', ips: [], settings: nicSettings.parse({}) },
      },
      {
        ...{ name: 'eth1', model: 'rtl8139c+', device: 'card0', access: 'vpio', network: 'wan' },
        ...{ mac: '02:00:00:00:00:02', ips: ['10.0.0.1/24'], settings: nicSettings.parse({}) },
      },
    ],
  };
  const { xml, left } = writePalaciosXml(vm);
  expect(left).toEqual(['the addresses of its NICs']);
  expect(readPalaciosXml(xml)).toEqual({
    notes: [],
    spec: {
      ...{ name: 'a&1', host: 'alpha', memoryMiB: 128, image: 'debian', boot: 'cold', autostart: true },
      ...{ failover: 'checkpoint', checkpointEvery: 60 },
      disks: [
        { name: 'root', size: 64, mount: '/data', root: true },
        { name: 'cd', image: 'base', readOnly: true, mount: '/mnt/cd' },
        { name: 'disc', image: 'boot', cdrom: true },
      ],
      nics: [
        { network: 'lan', mac: '02:00:00:00:00:01' },
        { network: 'wan', mac: '02:00:00:00:00:02', device: 'card0', access: 'vpio' },
      ],
    },
  });
});

it('every device class is in the table of the documentation', () => {
  const table = readFileSync(join(__dirname, '../../../../docs/palacios-xml.md'), 'utf8');
  for (const name of Object.keys(deviceClasses)) expect(table).toContain(`\`${name}\``);
});

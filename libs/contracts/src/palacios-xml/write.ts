import type { Vm } from '../resources';
import { escapeXml } from './tree';

const cardClasses: Record<string, string> = {
  ne2000: 'NE2000',
  rtl8139: 'RTL8139',
  'rtl8139c+': 'RTL8139C+',
};
const MIB = 1 << 20;

/**
 * A VM's definition in the original's format; `readPalaciosXml` reads it again. What that format has no word for (host,
 * image, boot, fail-over, networks, addresses) is in elements of ours.
 * @returns the document, and what of the VM is not in it
 */
export function writePalaciosXml(vm: Vm): { xml: string; left: string[] } {
  const lines: string[] = [];
  const put = (depth: number, line: string) => lines.push(`${'  '.repeat(depth)}${line}`);
  const leaf = (depth: number, name: string, text: string | number | null | undefined) => {
    if (text !== null && text !== undefined) put(depth, `<${name}>${escapeXml(String(text))}</${name}>`);
  };
  put(0, '<?xml version="1.0" encoding="UTF-8"?>');
  put(0, '<vm class="PC">');
  const own = {
    ...{ name: vm.name, host: vm.host, image: vm.image, boot: vm.boot, autostart: vm.autostart },
    ...{ failover: vm.failover, 'checkpoint-every': vm.checkpointEvery },
  };
  put(1, `<v3vee${attributes(own)}/>`);
  leaf(1, 'memory', vm.memoryMiB);
  leaf(1, 'telemetry', 'enable');
  put(1, '<cores count="1"><core/></cores>');
  const images = vm.disks.filter(({ image }) => image !== null);
  if (images.length > 0) {
    put(1, '<files>');
    for (const { name, image } of images) put(2, `<file${attributes({ id: name, filename: image })}/>`);
    put(1, '</files>');
  }
  put(1, '<devices>');
  for (const [kind, id] of chipset) put(2, `<device class="${kind}" id="${id}"/>`);
  for (const disk of vm.disks) {
    const drive = disk.cdrom ? 'IDE' : 'LNX_VIRTIO_BLK';
    put(2, `<device class="${drive}" id="${disk.device}"><bus>pci0</bus></device>`);
    put(2, `<device${attributes({ class: disk.image === null ? 'TMPDISK' : 'FILEDISK', id: disk.name })}>`);
    if (disk.image === null) leaf(3, 'size', disk.bytes / MIB);
    else leaf(3, 'file', disk.name);
    if (disk.readOnly && !disk.cdrom) leaf(3, 'writable', 0);
    leaf(3, 'mount', disk.mount || null);
    if (disk.root) leaf(3, 'root', 'true');
    put(
      3,
      disk.cdrom
        ? `<frontend tag="${disk.device}"><type>CDROM</type></frontend>`
        : `<frontend tag="${disk.device}"/>`,
    );
    put(2, '</device>');
  }
  for (const nic of vm.nics) {
    const kind = cardClasses[nic.model] ?? 'LNX_VIRTIO_NIC';
    put(2, `<device${attributes({ class: kind, id: nic.name })}>`);
    leaf(3, 'bus', 'pci0');
    leaf(3, 'mac', nic.mac);
    leaf(3, 'network', nic.network);
    leaf(3, 'physical', nic.device);
    leaf(3, 'access', nic.access);
    put(2, '</device>');
    if (nic.device !== null) continue;
    put(2, `<device class="VNET_NIC" id="vnet-${nic.name}"><frontend tag="${nic.name}"/></device>`);
  }
  put(1, '</devices>');
  put(0, '</vm>');
  const left = [
    ...(vm.wifi.length > 0 ? ['its Wi-Fi NICs'] : []),
    ...(vm.nics.some(({ ips }) => ips.length > 0) ? ['the addresses of its NICs'] : []),
  ];
  return { xml: `${lines.join('\n')}\n`, left };
}

const chipset = [
  ['8259A', 'PIC'],
  ['8254', 'PIT'],
  ['KEYBOARD', 'keyboard'],
  ['PCI', 'pci0'],
  ['i440FX', 'northbridge'],
  ['PIIX3', 'southbridge'],
  ['NVRAM', 'nvram'],
  ['CGA', 'cga'],
  ['SERIAL', 'serial'],
] as const;

const attributes = (values: Record<string, string | number | boolean | null>): string =>
  Object.entries(values)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => ` ${name}="${escapeXml(String(value))}"`)
    .join('');

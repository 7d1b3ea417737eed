import type { CardModel } from '../vpio';

/** What becomes of each of the original's device classes; the table of docs/palacios-xml.md. */
export type DeviceRole =
  /** Every machine of ours has it. */
  | { role: 'present' }
  /** Nothing of it is here; why a guest can do without it. */
  | { role: 'absent'; why: string }
  | { role: 'blockFrontend' }
  | { role: 'blockBackend' }
  | { role: 'nicFrontend' }
  | { role: 'nicBackend' }
  | { role: 'card'; model: CardModel };

const present: DeviceRole = { role: 'present' };
const absent = (why: string): DeviceRole => ({ role: 'absent', why });

export const deviceClasses: Readonly<Record<string, DeviceRole>> = {
  '8259A': present,
  '8254': present,
  '8254_PIT': present,
  KEYBOARD: present,
  PCI: present,
  I440FX: present,
  PIIX3: present,
  NVRAM: present,
  CGA: present,
  CGA_VIDEO: present,
  SERIAL: present,
  SERIAL_UART: present,
  LAPIC: absent('the machine has an 8259A only'),
  IOAPIC: absent('the machine has an 8259A only'),
  BOCHS_DEBUG: absent('what a BIOS prints there is dropped'),
  OS_DEBUG: absent('what a guest prints there is dropped'),
  GENERIC: absent('ports that nobody answers read all ones and are counted'),
  TELNET_CONSOLE: absent('"v3 vm console" is the way to the console'),
  LNX_VIRTIO_BLK: { role: 'blockFrontend' },
  IDE: { role: 'blockFrontend' },
  FILEDISK: { role: 'blockBackend' },
  RAMDISK: { role: 'blockBackend' },
  TMPDISK: { role: 'blockBackend' },
  LNX_VIRTIO_NIC: { role: 'nicFrontend' },
  VNET_NIC: { role: 'nicBackend' },
  NIC_BRIDGE: { role: 'nicBackend' },
  NE2000: { role: 'card', model: 'ne2000' },
  NE2K: { role: 'card', model: 'ne2000' },
  RTL8139: { role: 'card', model: 'rtl8139' },
  'RTL8139C+': { role: 'card', model: 'rtl8139c+' },
};

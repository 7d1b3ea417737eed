/** Fixed I/O ports of a PC (Intel PIIX3 datasheet, section 3.1; seabios, src/hw). */
const fixed: readonly (readonly [first: number, last: number, owner: string])[] = [
  [0x00, 0x0f, 'dma'],
  [0x20, 0x21, 'pic'],
  [0x40, 0x43, 'pit'],
  [0x60, 0x60, 'keyboard'],
  [0x61, 0x61, 'speaker'],
  [0x64, 0x64, 'keyboard'],
  [0x70, 0x71, 'rtc'],
  [0x80, 0x8f, 'dma'],
  [0x92, 0x92, 'system'],
  [0xa0, 0xa1, 'pic'],
  [0xc0, 0xdf, 'dma'],
  [0xf0, 0xff, 'fpu'],
  [0x170, 0x177, 'ide'],
  [0x1f0, 0x1f7, 'ide'],
  [0x376, 0x376, 'ide'],
  [0x3b0, 0x3df, 'vga'],
  [0x3f6, 0x3f6, 'ide'],
  [0x3f8, 0x3ff, 'serial'],
  [0x4d0, 0x4d1, 'pic'],
  [0xcf8, 0xcff, 'pci'],
];
/** From here on the firmware places the registers of PCI devices; on this machine these are all virtio's. */
const PCI_DEVICES = 0xc000;

/** Whose port it is, in words; empty when it is nobody's. */
export function portOwner(port: number): string {
  const owner = fixed.find(([first, last]) => port >= first && port <= last)?.[2];
  return owner ?? (port >= PCI_DEVICES ? 'virtio' : '');
}

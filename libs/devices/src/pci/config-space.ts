import type { PciBar } from '../platform';

/** Builds PCI type 0 configuration headers (PCI Local Bus Specification 3.0, section 6.1). */

export interface PciIdentity {
  vendor: number;
  device: number;
  revision: number;
  /** Base class, subclass, programming interface: 0x020000 is an Ethernet controller. */
  classCode: number;
  subsystemVendor: number;
  subsystem: number;
}

const STATUS_CAPABILITIES = 0x10;
const FIRST_CAPABILITY = 0x40;
/** Command register: the function answers at its ports, at its memory; it may master the bus. */
export const COMMAND_IO = 1;
export const COMMAND_MEMORY = 2;
export const COMMAND_MASTER = 4;
const FIRST_BAR = 0x10;
const BAR_IS_IO = 1;

/**
 * A 256-byte header with interrupt pin INTA and a chain of capabilities. The machine fills the BARs in with
 * {@link setBar}.
 * @param capabilities bodies without the two leading bytes (id, next); `id` is prepended here
 */
export function buildConfigSpace(
  identity: PciIdentity,
  capabilities: { id: number; body: Uint8Array }[],
): Uint8Array {
  const space = new Uint8Array(256);
  const view = new DataView(space.buffer);
  view.setUint16(0x00, identity.vendor, true);
  view.setUint16(0x02, identity.device, true);
  view.setUint16(0x04, COMMAND_IO, true);
  view.setUint16(0x06, capabilities.length ? STATUS_CAPABILITIES : 0, true);
  view.setUint32(0x08, ((identity.classCode << 8) | identity.revision) >>> 0, true);
  view.setUint16(0x2c, identity.subsystemVendor, true);
  view.setUint16(0x2e, identity.subsystem, true);
  view.setUint8(0x3d, 1); // INTA

  let at = FIRST_CAPABILITY;
  let link = 0x34;
  for (const { id, body } of capabilities) {
    if (at + 2 + body.length > space.length) throw new Error('PCI capabilities do not fit into 256 bytes');
    view.setUint8(link, at);
    view.setUint8(at, id);
    space.set(body, at + 2);
    link = at + 1;
    at = (at + 2 + body.length + 3) & ~3;
  }
  return space;
}

/** Puts BAR `index` at `base`. */
export function setBar(space: Uint8Array, index: number, { kind }: PciBar, base: number): void {
  const value = kind === 'io' ? base | BAR_IS_IO : base;
  new DataView(space.buffer, space.byteOffset).setUint32(FIRST_BAR + 4 * index, value >>> 0, true);
}

/** Interrupt pin (1 = INTA … 4 = INTD, 0 = none) of a header. */
export const interruptPin = (space: Uint8Array): number => space[0x3d] ?? 0;

/**
 * Registers of the Realtek RTL8029AS, an NE2000 on PCI: a National DP8390D network interface controller, a data
 * port, a reset port and Realtek's page 3 (DP8390D/NS32490D datasheet, July 1995, "Register Descriptions";
 * RTL8029AS datasheet, 1997, chapter 5).
 */

export const REALTEK_VENDOR = 0x10ec;
export const RTL8029_DEVICE = 0x8029;

/** The BAR: sixteen registers, the data port eight times, the reset port eight times. */
export const BAR_SIZE = 0x20;
export const DATA_PORT = 0x10;
export const RESET_PORT = 0x18;

/** Command register, at offset 0 of every page. */
export const Cr = {
  stop: 0x01,
  start: 0x02,
  transmit: 0x04,
  remoteMask: 0x38,
  remoteRead: 0x08,
  remoteWrite: 0x10,
  sendPacket: 0x18,
  /** Abort; also what is read when no transfer is under way. */
  remoteDone: 0x20,
  pageShift: 6,
} as const;

/** Interrupt status; the mask register has the same bits but for `reset`. */
export const Isr = {
  received: 0x01,
  transmitted: 0x02,
  receiveError: 0x04,
  transmitError: 0x08,
  overwrite: 0x10,
  counter: 0x20,
  remoteDone: 0x40,
  /** Not an interrupt: the controller is in its reset state. */
  reset: 0x80,
} as const;

export const Dcr = { wordTransfer: 0x01, longAddress: 0x04 } as const;

export const Tcr = {
  /** The controller appends no check sequence: the last four bytes of the data are taken for it. */
  noCrc: 0x01,
  loopbackMask: 0x06,
  loopbackInternal: 0x02,
  loopbackEncoder: 0x04,
  loopbackExternal: 0x06,
} as const;

export const Tsr = {
  transmitted: 0x01,
  notDeferred: 0x02,
  aborted: 0x08,
  carrierLost: 0x10,
  noHeartbeat: 0x40,
} as const;

export const Rcr = {
  errors: 0x01,
  runts: 0x02,
  broadcast: 0x04,
  multicast: 0x08,
  promiscuous: 0x10,
  monitor: 0x20,
} as const;

/** Receive status register, and first byte of a packet's header in the ring. */
export const Rsr = { intact: 0x01, crcError: 0x02, missed: 0x10, group: 0x20, disabled: 0x40 } as const;

/** Page 3: writes to the CONFIG registers need both EEM bits. */
export const Eecr = { configWrite: 0xc0 } as const;
/** CONFIG3: full duplex, power down, sleep; the rest cannot be written. */
export const CONFIG3_WRITABLE = 0x46;
/** CONFIG2: boot ROM and medium select. */
export const CONFIG2_WRITABLE = 0xf7;

/** What the first two scratch registers of page 0 read on this chip ("PC"), and its number on page 3. */
export const ID_PAGE0 = [0x50, 0x43] as const;
export const ID_PAGE3 = [0x29, 0x80] as const;

/** A tally counter stands still here; from 0x80 on it asks for an interrupt. */
export const TALLY_MAX = 0xc0;
export const TALLY_INTERRUPT = 0x80;

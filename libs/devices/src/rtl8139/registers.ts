/**
 * Registers of the Realtek RTL8139C and RTL8139C+ (RTL8139C(L) datasheet rev. 1.4, 2002, chapter 6; RTL8139C(L)+
 * datasheet rev. 1.6, chapter 6; what they leave open as in Linux's `8139too.c` and `8139cp.c`). Offsets in bytes.
 */

export const REALTEK_VENDOR = 0x10ec;
export const RTL8139_DEVICE = 0x8139;
/** Ports, and bytes of memory. */
export const BAR_SIZE = 0x100;

/** By PCI revision, drivers know the C+ from the C; TCR says it again in its version bits. */
export const MODELS = {
  C: { revision: 0x10, version: 0x74000000 },
  'C+': { revision: 0x20, version: 0x74800000 },
} as const;

export type Rtl8139Model = keyof typeof MODELS;

export const Reg = {
  idr0: 0x00,
  idr4: 0x04,
  mar0: 0x08,
  mar4: 0x0c,
  /** Four transmit status registers; on a C+ in C+ mode, the first two are DTCCR. */
  tsd0: 0x10,
  dtccr: 0x10,
  dtccrHigh: 0x14,
  /** Four transmit addresses; on a C+ in C+ mode, the normal (TNPDS) and the high priority ring (THPDS). */
  tsad0: 0x20,
  tnpds: 0x20,
  thpds: 0x28,
  rbstart: 0x30,
  /** Byte 3 of this double word; the rest are early receive counters, which stay 0. */
  cr: 0x34,
  /** CAPR in the lower half, CBR in the upper. */
  capr: 0x38,
  /** IMR in the lower half, ISR in the upper. */
  imr: 0x3c,
  tcr: 0x40,
  rcr: 0x44,
  tctr: 0x48,
  mpc: 0x4c,
  /** 9346CR, CONFIG0, CONFIG1. */
  config: 0x50,
  timerInt: 0x54,
  /** MSR, CONFIG3, CONFIG4, HLTCLK. */
  msr: 0x58,
  /** MULINT in the lower half, RERID in the third byte. */
  mulint: 0x5c,
  /** TSAD (summary of the four) in the lower half, BMCR in the upper. */
  tsadSummary: 0x60,
  /** BMSR and ANAR. */
  bmsr: 0x64,
  /** ANLPAR and ANER. */
  anlpar: 0x68,
  /** From here to {@link lastScratch}: PHY and twister parameters, wake-up frames; kept, without effect. */
  firstScratch: 0x78,
  lastScratch: 0xd0,
  /** CONFIG5, TPPoll (C+), RMS (C+). */
  config5: 0xd8,
  /** C+: CPCR, interrupt mitigation. */
  cpcr: 0xe0,
  rdsar: 0xe4,
  rdsarHigh: 0xe8,
  etthr: 0xec,
} as const;

export const Cr = { empty: 0x01, transmit: 0x04, receive: 0x08, reset: 0x10 } as const;

export const Isr = {
  received: 0x0001,
  receiveError: 0x0002,
  transmitted: 0x0004,
  transmitError: 0x0008,
  /** Receive ring full; C+: no receive descriptor. */
  overflow: 0x0010,
  linkChange: 0x0020,
  fifoOverflow: 0x0040,
  /** C+: the transmit ring has no more to send. */
  noTransmit: 0x0080,
  /** C+: asked for through TPPoll. */
  software: 0x0100,
  timeout: 0x4000,
  /** A PCI transaction of ours was aborted. */
  systemError: 0x8000,
} as const;
export const ISR_BITS = 0xe1ff;

/** Transmit status of descriptor n. */
export const Tsd = {
  sizeMask: 0x1fff,
  own: 0x2000,
  transmitted: 0x8000,
  thresholdMask: 0x003f0000,
  aborted: 0x40000000,
  carrierLost: 0x80000000,
} as const;
/** Longest frame that a transmit descriptor of C mode takes, in bytes. */
export const MAX_TSD_SIZE = 1792;

export const Tcr = {
  noCrc: 1 << 16,
  loopback: 3 << 17,
  /** Inter-frame gaps, loopback, check sequence, DMA burst, retries. */
  writable: 0x030f07f0,
} as const;

export const Rcr = {
  allUnicast: 0x01,
  myUnicast: 0x02,
  multicast: 0x04,
  broadcast: 0x08,
  runts: 0x10,
  errors: 0x20,
  noWrap: 0x80,
  lengthShift: 11,
  writable: 0x0f03ffbf,
} as const;

/** Status word in front of a packet in the receive ring. */
export const Rx = {
  ok: 0x0001,
  runt: 0x0010,
  broadcast: 0x2000,
  unicast: 0x4000,
  multicast: 0x8000,
} as const;

/** 9346CR: operating mode in the upper two bits. */
export const Eecr = { modeMask: 0xc0, autoLoad: 0x40, program: 0x80, configWrite: 0xc0 } as const;

export const Config1 = { ioMapped: 0x04, memoryMapped: 0x08, writable: 0xf3 } as const;
export const CONFIG3_WRITABLE = 0x71;
export const CONFIG5_WRITABLE = 0x7f;

/** MSR: 10 Mbit/s, no link. */
export const Msr = { slow: 0x08, noLink: 0x04, writable: 0xc0 } as const;
/** RERID reads the revision of the chip's registers. */
export const RERID = 0x10;

export const Cpcr = {
  transmit: 0x0001,
  receive: 0x0002,
  checksum: 0x0020,
  vlan: 0x0040,
  writable: 0x007b,
} as const;
export const Poll = { high: 0x80, normal: 0x40, software: 0x01 } as const;
export const DUMP_TALLIES = 0x08;

/** C+ descriptors, first double word. Both directions: */
export const Desc = { own: 0x80000000, endOfRing: 0x40000000, first: 0x20000000, last: 0x10000000 } as const;
export const DESC_LENGTH = 16;
/** A ring has at most this many descriptors, marked end or not. */
export const RING_MAX = 64;
export const TxDesc = {
  largeSend: 0x08000000,
  mssShift: 16,
  mssMask: 0x7ff,
  ipChecksum: 1 << 18,
  udpChecksum: 1 << 17,
  tcpChecksum: 1 << 16,
  lengthMask: 0xffff,
  error: 1 << 23,
  linkFailed: 1 << 21,
  /** Second double word. */
  addTag: 1 << 17,
} as const;
export const RxDesc = {
  lengthMask: 0x1fff,
  multicast: 1 << 26,
  unicast: 1 << 25,
  broadcast: 1 << 24,
  error: 1 << 20,
  runt: 1 << 19,
  protocolShift: 16,
  ipFailed: 1 << 15,
  udpFailed: 1 << 14,
  tcpFailed: 1 << 13,
  /** Second double word. */
  tagged: 1 << 16,
} as const;

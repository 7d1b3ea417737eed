import type { GuestMemory, InterruptLine } from '../platform';

/**
 * Palacios's extension points, as a device or another extension sees them. Each hook is the machine's for as long as the
 * returned function has not been called. What a hook throws stops that VM with the reason (fail stop), and no other.
 */

/** Takes a hook away again. */
export type Unhook = () => void;

/** Answers accesses to a range of ports or addresses. Offsets are relative to its base, sizes 1, 2 or 4 bytes. */
export interface IoHandler {
  readonly name: string;
  /** Unsigned. */
  read(offset: number, size: number): number;
  write(offset: number, size: number, value: number): void;
}

export interface MemoryRange {
  name: string;
  /** Guest physical, outside of RAM: accesses to RAM are no exits on this engine. A multiple of 4096, as `length` is. */
  start: number;
  length: number;
}

/** An access to memory that the region's own bytes answered. */
export interface MemoryAccess {
  kind: 'read' | 'write';
  offset: number;
  size: number;
  value: number;
}

export interface CpuidResult {
  eax: number;
  ebx: number;
  ecx: number;
  edx: number;
}

export interface MsrHandler {
  /** RDMSR; 64 bits. Absent: the CPU's own. */
  read?(msr: number): bigint;
  /** WRMSR. Absent: the CPU's own. */
  write?(msr: number, value: bigint): void;
}

/** General registers of the guest's CPU, unsigned; what is written is what the guest goes on with. */
export interface CpuRegisters {
  eax: number;
  ecx: number;
  edx: number;
  ebx: number;
  esi: number;
  edi: number;
  /** Privilege level of the code that runs, 0 (kernel) … 3. */
  readonly cpl: number;
}

/** Carries out a hypercall; what it returns is in EAX afterwards. */
export type HypercallHandler = (registers: CpuRegisters) => number;

/** Ways out of guest code, in this order in all that counts them. */
export const exitKinds = [
  'io-in',
  'io-out',
  'mmio-read',
  'mmio-write',
  'cpuid',
  'rdmsr',
  'wrmsr',
  'hypercall',
  'timer',
] as const;
export type ExitKindName = (typeof exitKinds)[number];

/** What happens at the host and concerns a guest (Palacios's `v3_deliver_*_event`). */
export type HostEvent =
  | { kind: 'keyboard'; /** Scan code set 1, as bytes. */ scancodes: Uint8Array }
  | { kind: 'mouse'; dx: number; dy: number; /** Bit 0 left, 1 right, 2 middle. */ buttons: number }
  | { kind: 'timer'; /** ms of guest time. */ now: number }
  | { kind: 'serial'; data: Uint8Array }
  | { kind: 'console'; data: Uint8Array };
export type HostEventKind = HostEvent['kind'];

/**
 * What wants to be told of a VM's life. A guest has one core, so that VM and core begin and end together; entry and exit
 * are those of a stretch of guest code, about a millisecond, in which there may be many exits.
 */
export interface Extension {
  readonly name: string;
  initVm?(): void;
  initCore?(core: number): void;
  /** The guest ended by itself. A thread that is taken away says nothing. */
  deinitCore?(core: number): void;
  deinitVm?(): void;
  onEntry?(core: number): void;
  onExit?(core: number): void;
}

export interface Hooks {
  /**
   * One hook per port. Ports that nobody hooked are the chipset's, and where it has nothing read all ones; `null` says
   * that this is meant to be so (pass through), and keeps others from hooking them.
   * @throws Error a port has a hook already
   */
  io(base: number, length: number, handler: IoHandler | null): Unhook;
  /** Each access goes to the handler. @throws Error the range is not free for it */
  memoryFull(range: MemoryRange, handler: Pick<IoHandler, 'read' | 'write'>): Unhook;
  /** Reads are answered from `backing`, which writes change after the handler has seen them. @throws Error likewise */
  memoryWrite(range: MemoryRange, backing: Uint8Array, onWrite: (access: MemoryAccess) => void): Unhook;
  /** Memory like any other, whose accesses are told. @throws Error likewise */
  memoryAccess(range: MemoryRange, backing: Uint8Array, onAccess: (access: MemoryAccess) => void): Unhook;
  /** @throws Error the register has a hook already */
  msr(msr: number, handler: MsrHandler): Unhook;
  /** @param handler undefined: as the CPU answers. @throws Error the leaf has a hook already */
  cpuid(leaf: number, handler: (leaf: number, subleaf: number) => CpuidResult | undefined): Unhook;
  /**
   * An interrupt line of the ISA bus goes up. @param handler true: the guest does not get it.
   * @throws Error the line has a hook already
   */
  interrupt(irq: number, handler: (irq: number) => boolean | void): Unhook;
  /** Told of each exit of a kind, before it is handled. */
  exit(kind: ExitKindName, handler: (kind: ExitKindName) => void): Unhook;
  /** @throws Error the number is taken */
  hypercall(number: number, name: string, handler: HypercallHandler): Unhook;
  /** Called in guest time, never more often than the engine looks at its timers (about every ms). */
  timer(periodMs: number, handler: (now: number) => void): Unhook;
  /** @param handler true: it took the event, and nobody after it gets it */
  hostEvent(kind: HostEventKind, handler: (event: HostEvent) => boolean | void): Unhook;
  extension(extension: Extension): Unhook;
}

/** What the machine offers beside hooks. */
export interface MachineAccess {
  readonly memory: GuestMemory;
  /** Guest time in ms. */
  now(): number;
  /** A line of the ISA bus, 0 … 15. Edge and level are as the guest has set its interrupt controller. */
  interruptLine(irq: number): InterruptLine;
}

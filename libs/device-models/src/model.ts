import type { CardModel, DeniedDma, DmaWindow, HookRule, IoAccess } from '@v3vee/contracts';
import type { GuestMemory } from '@v3vee/devices';

/** The way to a device's registers, past all hooks. Offsets in bytes from the start of its window, values unsigned. */
export interface DeviceRegisters {
  read(offset: number, size: 1 | 2 | 4): number;
  write(offset: number, size: 1 | 2 | 4, value: number): void;
}

/** What whoever switches a device has at hand: its registers, and the memory of the guest, which stands still. */
export interface DeviceAtRest {
  registers: DeviceRegisters;
  memory: GuestMemory;
}

/**
 * What the VMM noted of `shadow` accesses since it last told: the byte written last at each offset, by 256 × page +
 * offset. What an access wrote at such an offset is noted also where a stricter rule made the access an exit.
 */
export type ShadowNotes = Readonly<Record<number, number>>;

/** What a guest is, as far as a model must know it. */
export interface GuestBounds {
  /** Bytes of RAM, from address 0 on. */
  memorySize: number;
}

/** What a model makes of an access before it is made. */
export interface Observation<State> {
  /** What the model knows once the access has been made, or, if it is denied, as it was. */
  state: State;
  /** Undefined: go on. Else the access must not reach the device. */
  denied?: DeniedDma;
}

/**
 * A register whose content cannot be written back into the device. After a restore the VMM answers for it, until the
 * guest or the device makes it true again. `sticky`: these bits are OR'd into what is read, until the guest writes ones
 * to them there (an interrupt status). `fixed`: a read gives this value instead of the device's.
 */
export interface VirtualRegister {
  kind: 'sticky' | 'fixed';
  /** Of the register, `size` bytes. On a device with pages, on `page` only. */
  offset: number;
  size: 1 | 2 | 4;
  page: number;
  value: number;
  /** Ends with a write that touches one of these bytes and, masked, gives one of `equals` (absent: any). */
  until?: { offset: number; length: number; mask?: number; equals?: readonly number[] }[];
}

/** Where a device reports its interrupts. */
export interface InterruptRegisters {
  status: { offset: number; size: 1 | 2; page: number };
}

/**
 * All that a guest needs to go on with a device: what its registers and memory held, and what the model knows. Plain
 * data that `structuredClone` and `v8.serialize` can copy. It may come from a file or another host: see
 * {@link DeviceModel.checkContext}.
 */
export interface DeviceContext<State = unknown> {
  model: CardModel;
  version: number;
  /** Registers by name. */
  registers: Record<string, number>;
  /** Memory on the card, if it has some. */
  memory?: Uint8Array;
  virtual: VirtualRegister[];
  /** The model's knowledge of this guest. */
  state: State;
}

/**
 * A model of a physical device: just enough to say whether it is reusable, whether and where to a DMA is about to
 * start, and what must be observed for that to stay true (WIOV'08, section 3). It is the device's only specific part:
 * the DMM asks it about exits, the VMM about the device at rest. No method keeps anything: what a model knows is its
 * `State`, JSON-like data.
 */
export interface DeviceModel<State = unknown> {
  readonly model: CardModel;
  /** Bytes of the register window. */
  readonly windowSize: number;
  readonly interrupts: InterruptRegisters;

  /** What is known of a device after power-on. */
  initialState(): State;
  /** A checked copy of a state that comes from outside. @throws Error that says what is wrong */
  checkState(value: unknown): State;

  // asked by the DMM

  /** The hooked I/O list: what must be observed while the model is in this state. */
  hooks(state: State): HookRule[];
  /** Guest memory that the device may reach while the model is in this state. Nothing else may be. */
  windows(state: State, guest: GuestBounds): DmaWindow[];
  /** An access that the list made an exit: it has not been made yet. */
  observe(state: State, access: IoAccess, guest: GuestBounds): Observation<State>;

  // asked by the VMM

  /** The register page that is selected now; 0 where a device has one page. Must not change the device. */
  page(registers: DeviceRegisters): number;
  /** The interrupts that the guest wants, as bits of the status register. May turn pages, and turns them back. */
  interruptMask(registers: DeviceRegisters): number;
  /** Whether the device could be given to another guest now, without a loss; else why not, in words. */
  reusable(device: DeviceAtRest): true | string;
  /**
   * Reads all of the guest's state out of the device. The device is left in some harmless state that still holds the
   * guest's data: whoever gets it next restores another context over it. Guest memory is left as it was. Works also
   * when the device is not reusable, as well as it can.
   *
   * It sees the device itself: virtual registers of the last restore that still stand are the VMM's to merge into the
   * new ones. The bits of `sticky` ones are OR'd, a `fixed` one replaces what was read.
   */
  save(device: DeviceAtRest, notes: ShadowNotes, state: State): DeviceContext<State>;
  /**
   * Puts the device into the state of a context, or (null) into that after power-on, whatever it held before: nothing of
   * its last guest can be read afterwards. Guest memory is left as it was, no frame leaves.
   */
  restore(device: DeviceAtRest, context: DeviceContext<State> | null): void;
  /** A checked copy of a context that comes from outside. @throws Error that says what is wrong */
  checkContext(value: unknown): DeviceContext<State>;

  // for people

  /** Name of the register that an access reaches, as in the datasheet: `TSD0`, `CR`, `data port`. */
  registerName(access: Pick<IoAccess, 'direction' | 'offset' | 'size' | 'page'>): string;
  /** What a value means there, in a few words: `start, remote read`; empty where the number says it all. */
  describe(access: IoAccess): string;
}

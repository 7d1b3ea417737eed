/** Version of {@link MachineState} and of the files that hold one. */
export const STATE_FORMAT = 1;

/** A stopped machine: everything that another machine of the same shape needs to go on from there. */
export interface MachineState {
  format: number;
  engineVersion: string;
  memoryMiB: number;
  nicCount: number;
  /** Registers of CPU, chipset and our devices; some tens of KiB. */
  devices: Uint8Array;
  /** All of guest RAM, `memoryMiB` long; shared so that many machines can start from one copy. */
  memory: Uint8Array<SharedArrayBuffer>;
}

/** All of a machine but its RAM. */
export type MachineHead = Omit<MachineState, 'memory'>;

/** A machine at one instant, whose RAM is that of a base but for some pages. */
export interface MachineCut extends MachineHead {
  /** `memoryMiB` long; none: zeros. */
  base: Uint8Array<SharedArrayBuffer> | undefined;
  /** Pages that differ from the base, or did for a while: 4096 bytes each, by number. */
  changes: ReadonlyMap<number, Uint8Array>;
  /** How long the guest stood still for it, ms; 0: it did anyway. */
  pauseMs: number;
}

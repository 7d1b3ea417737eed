/**
 * What a VM's life cycle needs from the world: the machine that executes the guest, the host's memory, the
 * store. Their real counterparts are in `../machines`, `../host` and `../records`.
 */
import type {
  ExecRequest,
  ExecResult,
  MemoryMap,
  ResponseOf,
  NicSettings,
  Telemetry,
  VmState,
  VmStatus,
} from '@v3vee/contracts';
import type { IncomingCopy, MachineCut, MachineState, OutgoingCopy } from '@v3vee/machine';
import type { DesiredState, SavedState, SnapshotEntity, SnapshotKind, VmDefinition } from '@v3vee/store';
import type { EntityManager } from 'typeorm';

/** How a guest came to its end without being asked to. */
export interface GuestEnd {
  kind: 'poweroff' | 'reboot' | 'failed';
  /** For `failed`: which device or what stopped it, and why. */
  detail: string;
}

/** One machine: a guest with its memory and devices, from power-on or restore until it is closed. */
export interface Machine {
  /** How it came to be. */
  readonly origin: 'template' | 'cold' | 'resumed' | 'clone' | 'moved';
  /** The guest runs, or runs again. */
  run(): Promise<void>;
  /**
   * The guest runs for some ms of its time, then stands still again; `pause` ends that early.
   * @returns how many it ran
   */
  simulate(ms: number): Promise<number>;
  /** The guest stands still; resolves when no instruction of it is executed any more. */
  pause(): Promise<void>;
  /** Memory and devices as they are at one instant; a guest that runs stands still for some milliseconds. */
  capture(): Promise<MachineCut>;
  /** Ends the worker, unplugs the NICs; never fails, may be called twice. */
  close(): Promise<void>;
  /** Resolves when the guest ends by itself or its worker dies; never when it is closed. */
  readonly ended: Promise<GuestEnd>;
  /** Asks the guest's agent for the addresses of each NIC, `10.10.0.11/24`, by index. @throws V3Error VM_NO_AGENT */
  addresses(): Promise<string[][]>;
  /** @throws V3Error VM_NO_AGENT, EXEC_TIMEOUT, EXEC_FAILED */
  exec(request: ExecRequest): Promise<ExecResult>;
  telemetry(): Promise<Telemetry>;
  /** Its RAM from outside. */
  readonly memory: MemoryAccess;
  memoryMap(): Promise<MemoryMap>;
  /** Asks the guest to give so many bytes back. @throws V3Error VM_WRONG_STATE: it has no balloon */
  balloon(bytes: number): Promise<void>;
  /** That the guest has given back. */
  balloonBytes(): Promise<number>;
  /** New settings of one NIC, in force at once; the machine was made with those of its definition. */
  setNic(nic: number, settings: NicSettings): void;
  /** Names of other VMs for the guest's hosts file, whenever they change. */
  setHosts(hosts: HostsEntry[]): void;

  // its move to another host

  /** @param base memory that the other side has already; none: zeros */
  copyOut(base: Uint8Array<SharedArrayBuffer> | undefined): Promise<OutgoingCopy>;
  /** Keeps the guest from running for this share of its time, 0 … 1. */
  throttle(share: number): Promise<void>;
  /** Frames for it are kept from now on, until `release` or `forward`. */
  hold(): void;
  /** The kept frames reach the guest after all, and so do those that come. */
  release(): void;
  /** The kept frames, and those that still come for it here, go to its NICs on another host. */
  forward(host: string): void;
  /** Its NICs and physical cards are another epoch's from now on. */
  renew(epoch: number): Promise<void>;
  /** How long the guest has stood still, ms; 0: it runs. */
  stoodStillMs(): number;
  /** Resolves when frames of all hosts reach it, or the router has had its time. */
  reached(): Promise<void>;
}

/** A guest's RAM from outside: between two stretches of its code, whether it runs or not. */
export interface MemoryAccess {
  read(range: { address: number; length: number }): Promise<ResponseOf<'readVmMemory'>>;
  /** @param what `data` in base64 */
  write(what: { address: number; data: string }): Promise<void>;
  hash(range: MemoryRange): Promise<ResponseOf<'hashVmMemory'>>;
  /** @param what `pattern` in hexadecimal */
  search(what: MemoryRange & { pattern: string; limit: number }): Promise<ResponseOf<'searchVmMemory'>>;
}
/** Without a length, to the end of RAM. */
export interface MemoryRange {
  address: number;
  length?: number;
}

export interface HostsEntry {
  name: string;
  address: string;
}

export interface Machines {
  /**
   * A machine from the post-boot template or for a cold boot. Like `restore`, it is complete when this resolves
   * but has neither run nor joined its networks: the machine that it replaces may still be there.
   * @throws V3Error IMAGE_NOT_FOUND, IMAGE_CORRUPT, GUEST_FAILED
   */
  boot(definition: VmDefinition): Promise<Machine>;
  /** @throws V3Error STATE_CORRUPT, STATE_INCOMPATIBLE when it is no state of such a VM */
  restore(definition: VmDefinition, state: MachineState, options: RestoreOptions): Promise<Machine>;
  /** Memory that such a VM's own hardly differs from, if it is at hand; it does not change. */
  base(definition: VmDefinition): Promise<Uint8Array<SharedArrayBuffer> | undefined>;
  /** What another host must have to take this VM over. @throws V3Error IMAGE_NOT_FOUND, IMAGE_CORRUPT */
  essence(definition: VmDefinition): Promise<MachineEssence>;
  /**
   * A machine for a guest that comes from another host, which holds the memory of the template or zeros.
   * @throws V3Error IMAGE_NOT_FOUND, IMAGE_CORRUPT, DEVICE_IN_USE, DEVICE_MISMATCH
   */
  receive(definition: VmDefinition, template: Template | null): Promise<ArrivingMachine>;
}

/** What must be the same on two hosts for a guest to go on: and what need not, but saves most of the copy. */
export interface MachineEssence {
  engineVersion: string;
  imageDigest: string;
  /** Memory of the post-boot template of such VMs, where there is one. */
  template: Template | null;
}

export interface Template {
  /** Over its memory: two hosts may have booted it each for itself. */
  digest: string;
  memory: Uint8Array<SharedArrayBuffer>;
}

export interface ArrivingMachine {
  machine: Machine;
  copy: IncomingCopy;
  /** Takes over what the guest was before: how long it has stood still, ms. */
  settle(stoodStillMs: number): void;
}

/** `identity`: the saved state is another VM's, so the guest gets this VM's name, addresses and new entropy. */
export interface RestoreOptions {
  identity: boolean;
}

/** The host's memory and cores, which are Kitten's. */
export interface HostResources {
  /** @throws V3Error HOST_MEMORY_EXHAUSTED, HOST_CORES_EXHAUSTED */
  take(vmId: string, memoryMiB: number): Promise<void>;
  /** Another amount for what it has. @throws V3Error HOST_MEMORY_EXHAUSTED */
  resize(vmId: string, memoryMiB: number): Promise<void>;
  /** @throws V3Error HOST_CORE_NOT_FOUND, HOST_CORE_IN_USE */
  moveCore(vmId: string, core: number): Promise<void>;
  /** Never fails: what can't be given back now is given back later. */
  giveBack(vmId: string): Promise<void>;
}

/** The durable record of what a VM does; `vm_status` in the store. */
export interface StatusRecord {
  vmId: string;
  host: string;
  epoch: number;
  state: VmState;
  reason: string;
  agent: boolean;
  ips: string[][];
  startedAt: Date | null;
  incarnation: string;
  desired: DesiredState;
  resumeState: string | null;
}

export interface StatusLog {
  /** Resolves when this record, or a later one of the same VM, is durable. Retries for ever. */
  write(record: StatusRecord): Promise<void>;
  /** Writes it once, within the transaction that makes a saved state durable. */
  writeWith(record: StatusRecord, transaction: EntityManager): Promise<void>;
  /** Wakes up whoever waits for a change. */
  announce(status: VmStatus): void;
  forget(vmId: string): Promise<void>;
}

export interface Definitions {
  /** @throws V3Error VM_NOT_FOUND: it is not defined, or another host's */
  get(vmId: string): Promise<VmDefinition>;
}

export interface SavedStates {
  /**
   * State and row appear together.
   * @param options `beyondQuota`: of a guest that would be lost otherwise
   * @throws V3Error STORAGE_FULL, and what `refer` throws
   */
  write(
    state: MachineCut,
    refer: (saved: SavedState, transaction: EntityManager) => Promise<void>,
    options?: { beyondQuota: boolean },
  ): Promise<SavedState>;
  /** It is as it was saved. @param base memory that it may have most of. @throws V3Error STATE_CORRUPT */
  read(digest: string, base?: Uint8Array<SharedArrayBuffer>): Promise<MachineState>;
  /** Removes the state unless a row still names it. Never fails. */
  release(digest: string): Promise<void>;
}

export interface Snapshots {
  /** @throws V3Error SNAPSHOT_NOT_FOUND */
  get(id: string): Promise<SnapshotEntity>;
  /** @throws V3Error SNAPSHOT_EXISTS */
  requireFree(vm: VmDefinition, name: string): Promise<void>;
  latest(vmId: string): Promise<SnapshotEntity | null>;
  /** The state first, then the row. @throws V3Error SNAPSHOT_EXISTS, STORAGE_FULL */
  create(vm: VmDefinition, name: string, state: MachineCut, kind?: SnapshotKind): Promise<SnapshotEntity>;
}

export interface Log {
  info(detail: object, message: string): void;
  warn(detail: object, message: string): void;
  error(detail: object, message: string): void;
}

/** The host's right to run its VMs; see `../lease`. */
export interface HostLease {
  readonly held: boolean;
  /** Grows each time that it is taken: what was read of the store in an earlier term may be wrong. */
  readonly term: number;
  /** @throws V3Error SERVICE_UNAVAILABLE: this Palacios ends, and has not got it */
  whenHeld(): Promise<void>;
}

/** Everything a VM needs of its host. */
export interface VmHost {
  readonly name: string;
  readonly incarnation: string;
  readonly lease: HostLease;
  readonly definitions: Definitions;
  readonly resources: HostResources;
  readonly machines: Machines;
  readonly status: StatusLog;
  readonly states: SavedStates;
  readonly snapshots: Snapshots;
  /** Runs the work when one of the few places for building machines is free. */
  readonly building: <T>(work: () => Promise<T>) => Promise<T>;
  readonly log: Log;
}

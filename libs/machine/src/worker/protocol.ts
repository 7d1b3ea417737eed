import { cardModels, type CardModel, type NicDispatch } from '@v3vee/contracts';
import type { DeviceSpec, ExitKindName, Metrics, NetSettings } from '@v3vee/devices';
import type { BootImage } from '../engine/direct-boot';
import type { ExitTally } from '../engine/exit-account';
import type { ExitKind } from '../engine/guest-exit';
import type { PortCount } from '../engine/hook-table';
import type { RegionDescription } from '../engine/memory-map';
import type { YieldCounters, YieldSettings } from '../engine/yielding';
import type { MachineHead, MachineState } from '../state/machine-state';
import type { ScanRequest } from '../live/outgoing-copy';
import type { LastCut } from './live/live-copy';
import type { PageBatch, ScanSlice } from './live/pages';
import type { FromSharedCard, SharedCardAccount, Sharing, ToSharedCard } from './vpio/messages';

/** Messages between a guest's worker thread and its handle. Nothing else crosses, but the wake word. */

/** The settings are the first ones; a link state that is not given is that of the loaded state, else up. */
export interface NicConfig extends NetSettings {
  /** `02:00:00:00:00:01` */
  mac: string;
  /** Largest IP packet, 68 … 65521. */
  mtu: number;
}

/** Register-accurate cards. */
export const CARD_MODELS = cardModels;

/** A physical card on a segment of plain Ethernet frames. */
export interface CardConfig {
  model: CardModel;
  /** How it is shared with other guests; absent: it is this guest's alone (passthrough). */
  sharing?: Sharing;
  /** In the card's PROM or EEPROM. */
  mac: string;
}

export interface Firmware {
  /** SeaBIOS `bios.bin` and `vgabios-stdvga.bin`. */
  bios: Uint8Array;
  vgaBios: Uint8Array;
}

/** What a worker is made from (`workerData`). Large arrays are views of SharedArrayBuffers. */
export interface WorkerSetup {
  memoryMiB: number;
  firmware: Firmware;
  nics: NicConfig[];
  cards: CardConfig[];
  /** How many simulated Wi-Fi radios its kernel makes; with one at least, it has the device of their medium. */
  wifiCount: number;
  /** Further devices, by their class. */
  devices: DeviceSpec[];
  /** Paths of modules with classes of the operator's. */
  deviceModules: string[];
  /** When its thread goes back to its host; absent: as by default. */
  yielding?: YieldSettings;
  /** Names of the ports of the virtio console. */
  channels: string[];
  module: unknown;
  /** Of the `LeaseWord` of its host; absent: it may always run. */
  lease?: SharedArrayBuffer;
  /** Of the `CoreWord` of its VM; absent: it always has a core. */
  core?: SharedArrayBuffer;
  /** The wake word of the run loop, then a word per NIC: see `Arrivals`. */
  wake: SharedArrayBuffer;
}

export type Command =
  | { type: 'boot'; image: BootImage }
  | { type: 'load'; state: MachineState }
  | { type: 'run' }
  /** For some ms of guest time; answered at once, `simulated` tells the end. */
  | { type: 'simulate'; ms: number }
  | { type: 'pause' }
  | { type: 'save' }
  | { type: 'telemetry' }
  | { type: 'yielding'; settings: YieldSettings }
  | { type: 'memory-map' }
  | { type: 'memory-read'; address: number; length: number }
  | { type: 'memory-write'; address: number; bytes: Uint8Array }
  | { type: 'memory-hash'; address: number; length: number }
  | { type: 'memory-search'; pattern: Uint8Array; address: number; length: number; limit: number }
  /** How many pages the guest is to give back. */
  | { type: 'balloon'; pages: number }
  /** Answers behind all that was sent before. */
  | { type: 'sync' }
  /** Share of its time that the guest must not run. */
  | { type: 'throttle'; share: number }
  /** A live copy, its sending end: begins, looks at some pages, reads all but RAM, ends. */
  | { type: 'copy-begin'; base: Uint8Array | undefined }
  | ({ type: 'copy-scan'; copy: number } & ScanRequest)
  | { type: 'copy-head'; copy: number }
  /** All that is left, at once: the guest may run. */
  | { type: 'copy-cut'; copy: number }
  | { type: 'copy-end'; copy: number }
  /** Its receiving end: begins, writes pages, makes the machine whole. */
  | { type: 'copy-in'; base: Uint8Array | undefined }
  | { type: 'copy-write'; copy: number; batch: PageBatch }
  | { type: 'copy-finish'; copy: number; head: MachineHead };

/** What each command answers. */
export interface CommandResult {
  boot: undefined;
  load: undefined;
  run: undefined;
  simulate: undefined;
  pause: undefined;
  save: MachineState;
  telemetry: Telemetry;
  yielding: undefined;
  'memory-map': RegionDescription[];
  'memory-read': Uint8Array<ArrayBuffer>;
  'memory-write': undefined;
  'memory-hash': string;
  'memory-search': number[];
  balloon: undefined;
  sync: undefined;
  throttle: undefined;
  'copy-begin': number;
  'copy-scan': ScanSlice & { scanMs: number };
  'copy-head': MachineHead;
  'copy-cut': LastCut;
  'copy-end': undefined;
  'copy-in': number;
  'copy-write': undefined;
  'copy-finish': undefined;
}

export type ToWorker =
  | { type: 'command'; id: number; command: Command }
  | { type: 'console'; data: Uint8Array }
  | { type: 'channel'; port: number; data: Uint8Array }
  | { type: 'frames'; nic: number; frames: Uint8Array[] }
  | { type: 'card-frames'; card: number; frames: Uint8Array[] }
  | { type: 'shared-card'; card: number; message: ToSharedCard }
  | { type: 'wifi'; messages: Uint8Array[] }
  | { type: 'wifi-announce' }
  | { type: 'mac'; nic: number; mac: string }
  | { type: 'nic'; nic: number; settings: NetSettings }
  | { type: 'announce'; nic: number };

/** A V3Error in a form that survives `postMessage`. */
export interface WireError {
  code: string;
  message: string;
}

export type FromWorker =
  | { type: 'ready' }
  /** The machine could not be made. */
  | { type: 'failed'; error: WireError }
  | { type: 'result'; id: number; result?: unknown; error?: WireError }
  | { type: 'console'; data: Uint8Array<ArrayBuffer> }
  | { type: 'channel'; port: number; data: Uint8Array<ArrayBuffer> }
  | { type: 'channel-open'; port: number; open: boolean }
  | { type: 'frames'; nic: number; frames: Uint8Array<ArrayBuffer>[] }
  | { type: 'card-frames'; card: number; frames: Uint8Array<ArrayBuffer>[] }
  | { type: 'shared-card'; card: number; message: FromSharedCard }
  | { type: 'wifi'; messages: Uint8Array<ArrayBuffer>[] }
  /** The guest stands still again: how much of guest time it ran. */
  | { type: 'simulated'; ranMs: number }
  /** Its `CoreWord` says something new, and its core is shared. */
  | { type: 'core' }
  /** A hypercall has something to say. */
  | { type: 'notice'; text: string }
  | { type: 'exit'; kind: ExitKind; reason: string };

/** Exits and times since the machine was made. */
export interface Telemetry {
  exits: Record<ExitKindName, ExitTally>;
  /** Port accesses that nobody answered: they read all ones. */
  unhooked: number;
  /** Interrupt lines that were raised, and halts until the next one. */
  interrupts: number;
  halts: number;
  hypercalls: { number: number; name: string; count: number }[];
  yielding: YieldCounters;
  /** In pages of 4096 bytes; null: it has none. */
  balloon: { target: number; actual: number } | null;
  /** The most accessed ports, at most 32, with the device of ours that hooked them. */
  ports: (PortCount & { device: string | null })[];
  /** Instructions, modulo 2^32 per reading; see {@link Telemetry.guestMs} for rates over time. */
  instructions: number;
  /** Milliseconds in guest code, and asleep with the guest halted. */
  guestMs: number;
  idleMs: number;
  devices: Record<string, Metrics>;
  /** Of each card: what was counted, null where it is not shared. */
  cards: (SharedCardAccount | null)[];
  /** How each NIC's frames are dispatched. */
  nics: NicDispatch[];
  /** Of the interrupt controller repair: the second stays 0 in a healthy machine. */
  picRepaired: number;
  picStuck: number;
  /** Bytes of guest memory as the engine holds it, of JavaScript heap. */
  memoryBytes: number;
}

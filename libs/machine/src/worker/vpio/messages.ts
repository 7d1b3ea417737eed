import type {
  CardAccess,
  DeniedDma,
  DeviceAccount,
  DmaWindow,
  HookRule,
  IoAccess,
  TraceEvent,
} from '@v3vee/contracts';
import type { DeviceContext } from '@v3vee/device-models';
import type { DeviceState } from '@v3vee/devices';

/** How a card of a guest is shared with others, through the DMM; see {@link SharedCard}. */
export interface Sharing {
  access: Exclude<CardAccess, 'passthrough'>;
  /**
   * Ownership of the physical card is this one word, which all guests of the host see: the ticket of the guest that has
   * it, minus that when it is called back, 0 when nobody has it. Only the VMM's own thread writes it.
   */
  word: SharedArrayBuffer;
  /** This guest's, 1 or more. */
  ticket: number;
}

/** What a model knows of a guest: data that only models look into. */
export type ModelState = Record<string, unknown>;

/** From the VMM to the guest's thread, about one shared card. */
export type ToSharedCard =
  /**
   * It is yours, as its last holder left it; null: as after power-on. `hooks` and `windows` are those of `state`: one that
   * is not the guest's any more, since it was restored meanwhile, is given back.
   */
  | {
      kind: 'grant';
      silicon: DeviceState | null;
      state: ModelState;
      hooks: HookRule[];
      windows: DmaWindow[];
    }
  /** Others want it: give it back when it is reusable, or (`force`) now. The word has changed already. */
  | { kind: 'recall'; force: boolean }
  | {
      kind: 'verdict';
      sequence: number;
      verdict: 'proceed' | 'deny' | 'stop';
      reason: string;
      state?: ModelState;
      hooks?: HookRule[];
      windows?: DmaWindow[];
    }
  | { kind: 'trace'; on: boolean };

/** What a guest's thread tells of a shared card. */
export type FromSharedCard =
  /** It has not got the card and needs it: its thread stands still at an access, or a frame waits. */
  | { kind: 'wish'; why: 'access' | 'frame'; state: ModelState }
  | { kind: 'granted' }
  /** Recalled, or because the guest was reset or restored; `context` is the guest's, null: it never used the card. */
  | { kind: 'released'; silicon: DeviceState; context: DeviceContext | null; forced: boolean }
  | { kind: 'exit'; sequence: number; access: IoAccess; state: ModelState }
  /** A DMA that the host's guard stopped; the thread waits for a verdict as at an exit. */
  | { kind: 'violation'; sequence: number; denied: DeniedDma }
  | { kind: 'trace'; events: GuestTraceEvent[]; dropped: number };

/** A trace event without the name of the VM, which the thread does not know. */
export type GuestTraceEvent = Omit<TraceEvent, 'vm'>;

/** What a guest's thread counts of a shared card; times in milliseconds. */
export interface SharedCardAccount extends Pick<DeviceAccount, 'registers' | 'interrupts' | 'denied'> {
  frames: DeviceAccount['frames'];
  /** The latest exits, the oldest first; how many there were in all, and how long. */
  exitMs: number[];
  exits: number;
  exitsMs: number;
}

/** Why a guest ended by itself. */
export type ExitKind =
  /** It asked for a reset (keyboard controller, port 0xCF9 or 0x92). */
  | 'guest-reset'
  /** It halted for good: HLT with interrupts off, which is how Linux ends `poweroff` and `halt` without ACPI. */
  | 'guest-poweroff'
  /** Its kernel printed a panic and then reset or halted. */
  | 'guest-panic'
  /** The CPU could not go on, e.g. a triple fault. */
  | 'guest-crash'
  /** A device was used in a way that it cannot honour (fail stop). */
  | 'device-fault'
  /** The worker thread itself failed: out of memory, terminated, an error of ours. */
  | 'worker-error';

/** Thrown through the engine to leave guest code at once. The machine cannot be continued afterwards. */
export class GuestExit extends Error {
  constructor(
    readonly kind: ExitKind,
    readonly reason: string,
  ) {
    super(reason);
    this.name = 'GuestExit';
  }
}

import type { ErrorCode } from '@v3vee/contracts';

/**
 * An error of the catalogue as it is thrown in a guest's thread. The threads do not load the contract library (it
 * would take a third of a VM's start and some MiB each); the handle makes a `V3Error` of it.
 */
export class MachineError extends Error {
  constructor(
    readonly code: ErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'MachineError';
  }
}

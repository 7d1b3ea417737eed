/** Bytes that are not what they should be: what was wrong and at which offset. */
export class WireError extends Error {
  constructor(
    message: string,
    readonly offset: number,
  ) {
    super(`${message} (offset ${offset})`);
    this.name = 'WireError';
  }
}

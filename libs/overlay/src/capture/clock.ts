/** Nanoseconds since 1970, as fine as the machine tells them and never going back while the process lives. */
export function nanoseconds(): bigint {
  return OFFSET + process.hrtime.bigint();
}
const OFFSET = BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint();

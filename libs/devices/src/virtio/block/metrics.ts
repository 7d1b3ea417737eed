/** What a disk counts. */
export const emptyBlockMetrics = () => ({
  readRequests: 0,
  readBytes: 0,
  writeRequests: 0,
  writeBytes: 0,
  flushes: 0,
  /** Answered with an error: outside of the disk, to a disk that is read only, or the host's own failure. */
  refused: 0,
  hostErrors: 0,
  /** Times that the disk stood still because the host had no room. */
  stalls: 0,
});
export type BlockCounters = ReturnType<typeof emptyBlockMetrics>;

/** A WebAssembly page, bytes. */
export const WASM_PAGE = 65_536;

/** What a binary may have, and its loading may take. */
export const BINARY_LIMITS = {
  /** Entries of its tables together; the tables live in Kitten's own memory. */
  tableEntries: 65_536,
  /** Reading, instrumenting and compiling it, ms. */
  loadMs: 20_000,
} as const;

/** Values that one allreduce sums. */
export const MOST_REDUCED = 64;

/**
 * SMARTMAP maps each rank's address space into those of the others, rank r at (r + 1) · 2^39, since a space of a rank
 * ends below 2^39 (Brightwell, Pedretti, Hudson: SC'08). A WebAssembly program can't load from beyond 4 GiB of its own
 * memory; ours is reconstructed as a call that copies from or to such an address.
 */
const SPACE_BITS = 39n;
const OFFSET_MASK = (1n << SPACE_BITS) - 1n;

/** The bytes at an address, of whichever rank; undefined where they are not all in one rank's memory. */
export function smartmap(
  memories: readonly WebAssembly.Memory[],
  address: bigint,
  length: number,
): Uint8Array | undefined {
  const unsigned = BigInt.asUintN(64, address);
  const owner = memories[Number(unsigned >> SPACE_BITS) - 1];
  const offset = Number(unsigned & OFFSET_MASK);
  if (!owner || offset + length > owner.buffer.byteLength) return undefined;
  return new Uint8Array(owner.buffer, offset, length);
}

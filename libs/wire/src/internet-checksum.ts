const hostIsLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
/** Below this many bytes, making a view costs more than it saves. */
const VIEW_PAYS_FROM = 64;

/**
 * Sum of the big-endian 16-bit words from `start` to `end`, added to `sum` and not folded yet (RFC 1071); an odd
 * last byte counts as the upper half of a word. 64 KiB at a time stay far below 2^53.
 */
export function sumWords(bytes: Uint8Array, start: number, end: number, sum = 0): number {
  const length = end - start;
  let at = start;
  if (length >= VIEW_PAYS_FROM && ((bytes.byteOffset + start) & 1) === 0) {
    const words = new Uint16Array(bytes.buffer, bytes.byteOffset + start, length >> 1);
    let native = 0;
    for (let i = 0; i < words.length; i++) native += words[i] as number;
    // The sum does not depend on the order of bytes but for a swap of the folded result (RFC 1071 §2 (B)).
    sum += hostIsLittleEndian ? swap(fold(native)) : native;
    at += length & ~1;
  }
  for (; at + 1 < end; at += 2) sum += ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
  return at < end ? sum + ((bytes[at] as number) << 8) : sum;
}

/** A sum of words as one word: carries come back in at the bottom (ones' complement). */
export function fold(sum: number): number {
  while (sum > 0xffff) sum = (sum % 0x1_0000) + Math.floor(sum / 0x1_0000);
  return sum;
}

/** The field to write for a sum of words over all it covers, with the field itself as zero. */
export function checksumOf(sum: number): number {
  return ~fold(sum) & 0xffff;
}

function swap(word: number): number {
  return ((word & 0xff) << 8) | (word >> 8);
}

/**
 * A console is attached in two steps: its output is subscribed to, then its recent output is asked for. What is
 * published in between is in both. Cuts what the scrollback already ends with off what was received live.
 *
 * @param live messages in the order they came
 * @returns the messages that are not yet in the scrollback
 */
export function unseen(scrollback: Uint8Array, live: readonly Uint8Array[]): Uint8Array[] {
  // The longest run of messages that the scrollback ends with: no message is ever shown twice or lost, unless
  // the guest repeats itself exactly, when it makes no difference which repetition is cut.
  for (let count = live.length; count > 0; count--) {
    if (endsWith(scrollback, Buffer.concat(live.slice(0, count)))) return live.slice(count);
  }
  return [...live];
}

/** What the scrollback no longer holds can't be compared; then its whole must be the end of what came. */
function endsWith(scrollback: Uint8Array, bytes: Uint8Array): boolean {
  const length = Math.min(scrollback.length, bytes.length);
  if (length === 0) return bytes.length === 0;
  return (
    Buffer.compare(scrollback.subarray(scrollback.length - length), bytes.subarray(bytes.length - length)) ===
    0
  );
}

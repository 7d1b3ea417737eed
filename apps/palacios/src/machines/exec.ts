import { isUtf8 } from 'node:buffer';
import type { ExecRequest, ExecResult } from '@v3vee/contracts';
import type { ExecRequest as AgentRequest, ExecResult as AgentResult } from '@v3vee/machine';

/** Of both streams together, so that the answer fits into one message however it is encoded. */
export const MAX_OUTPUT_BYTES = 480 * 1024;

export function toAgentRequest({ command, input, timeoutSeconds }: ExecRequest): AgentRequest {
  const [path = '', ...args] = command;
  return {
    path,
    args,
    ...(input === undefined ? {} : { input: Buffer.from(input, 'base64') }),
    timeoutMs: timeoutSeconds * 1000,
  };
}

/** What a command ended with; output beyond the limit is cut, half of the room for each stream at least. */
export function toExecResult({ exitCode, signal, stdout, stderr, truncated }: AgentResult): ExecResult {
  const half = MAX_OUTPUT_BYTES / 2;
  const out = stdout.subarray(0, MAX_OUTPUT_BYTES - Math.min(stderr.length, half));
  const err = stderr.subarray(0, MAX_OUTPUT_BYTES - out.length);
  const cut = out.length < stdout.length || err.length < stderr.length;
  const texts = [cut ? wholeCharacters(out) : out, cut ? wholeCharacters(err) : err] as const;
  // Control characters take six bytes in JSON: past some point base64 is the shorter text.
  const plain = texts.every(
    text => isUtf8(text) && JSON.stringify(text.toString('utf8')).length <= 2 * text.length + 2,
  );
  const encoding = plain ? 'utf8' : 'base64';
  const [first, second] = plain ? texts : [out, err];
  return {
    exitCode: exitCode ?? 128 + (signal ?? 0),
    stdout: first.toString(encoding),
    stderr: second.toString(encoding),
    encoding,
    truncated: truncated || cut,
  };
}

/** Without the beginning of a UTF-8 character that was cut (RFC 3629: at most three bytes of it). */
function wholeCharacters(bytes: Buffer): Buffer {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] as number;
    if (byte >= 0xc0) {
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return back < length ? bytes.subarray(0, bytes.length - back) : bytes;
    }
    if (byte < 0x80) return bytes;
  }
  return bytes;
}

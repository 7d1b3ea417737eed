import type { Duplex, Readable, Writable } from 'node:stream';

/** Ctrl-], as in virsh and telnet. */
const ESCAPE = 0x1d;
const SILENCE_MS = 1_000;

type TerminalInput = Readable & { isTTY?: boolean; setRawMode?: (raw: boolean) => unknown };

/**
 * Joins a terminal (or pipes) with a serial console until one side ends.
 * @returns `escaped`: by Ctrl-]; `silent`: the piped input is over and the console said nothing more; `closed`: by
 *   the other side
 */
export async function attach(
  console: Duplex,
  input: TerminalInput,
  output: Writable,
): Promise<'escaped' | 'silent' | 'closed'> {
  const raw = Boolean(input.isTTY);
  const restore = () => void (raw && input.setRawMode?.(false));
  // Whatever ends this process: a terminal left raw is of no use to anyone.
  const quit = (signal: NodeJS.Signals) => {
    restore();
    process.off(signal, quit);
    process.kill(process.pid, signal);
  };
  const signals = ['SIGTERM', 'SIGHUP', 'SIGINT'] as const;
  process.on('exit', restore);
  for (const signal of signals) process.on(signal, quit);
  try {
    if (raw) input.setRawMode?.(true);
    return await join(console, input, output, raw);
  } finally {
    process.off('exit', restore);
    for (const signal of signals) process.off(signal, quit);
    restore();
    input.pause();
    console.destroy();
  }
}

function join(
  console: Duplex,
  input: Readable,
  output: Writable,
  raw: boolean,
): Promise<'escaped' | 'silent' | 'closed'> {
  return new Promise(resolve => {
    let silence: NodeJS.Timeout | undefined;
    const waitForSilence = () => {
      clearTimeout(silence);
      silence = setTimeout(() => resolve('silent'), SILENCE_MS);
    };
    const finish = () => {
      clearTimeout(silence);
      resolve('closed');
    };
    console.on('data', (bytes: Buffer) => {
      output.write(bytes);
      if (silence) waitForSilence();
    });
    console.on('end', finish).on('close', finish).on('error', finish);
    input.on('data', (bytes: Buffer) => {
      const escape = raw ? bytes.indexOf(ESCAPE) : -1;
      const typed = escape < 0 ? bytes : bytes.subarray(0, escape);
      // A paste faster than the guest reads waits here, not in our memory.
      if (typed.length && !console.write(typed)) {
        input.pause();
        console.once('drain', () => input.resume());
      }
      if (escape >= 0) {
        output.write('\r\n');
        resolve('escaped');
      }
    });
    input.on('end', waitForSilence);
  });
}

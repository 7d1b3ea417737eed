import type { Client } from './client';

export interface ExecOptions {
  input?: Uint8Array;
  timeoutSeconds?: number;
  signal?: AbortSignal;
}

export interface ExecOutcome {
  exitCode: number;
  stdout: Buffer;
  stderr: Buffer;
  /** The agent cut the output off. */
  truncated: boolean;
}

/** Runs a command in a guest. Not repeated when the connection breaks: it may have run. */
export async function execInVm(
  client: Client,
  vm: string,
  command: string[],
  options: ExecOptions = {},
): Promise<ExecOutcome> {
  const timeoutSeconds = options.timeoutSeconds ?? 60;
  const result = await client.call(
    'execVm',
    { vm },
    {
      body: {
        command,
        timeoutSeconds,
        input: options.input === undefined ? undefined : Buffer.from(options.input).toString('base64'),
      },
      signal: options.signal,
      // The gateway answers a command that is over its time itself.
      timeoutMs: (timeoutSeconds + 30) * 1000,
    },
  );
  return {
    exitCode: result.exitCode,
    stdout: Buffer.from(result.stdout, result.encoding),
    stderr: Buffer.from(result.stderr, result.encoding),
    truncated: result.truncated,
  };
}

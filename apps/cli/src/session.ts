import { connectLocal, ControlClient, stateFiles, type Client } from '@v3vee/client';
import { resolvePaths, type Paths } from '@v3vee/setup';
import { Interrupted } from './errors';

/** Aborted by Ctrl-C or SIGTERM: whoever waits stops waiting. A second one ends the command at once (see below). */
const interruption = new AbortController();
export const interrupted: AbortSignal = interruption.signal;

/** Commands that handle Ctrl-C themselves (`up`, `vm console`) turn this off. */
let handlesSignals = true;
let onRepeat = (exitCode: number): void => process.exit(exitCode);

export function installSignalHandlers(): void {
  const handle = (exitCode: number) => () => {
    if (!handlesSignals) return;
    if (interrupted.aborted) return onRepeat(exitCode);
    interruption.abort(new Interrupted(exitCode));
  };
  process.on('SIGINT', handle(130));
  process.on('SIGTERM', handle(143));
  process.on('SIGHUP', handle(129));
}

/** For what must not outlive the program that started it: the loss of its channel to us is a SIGTERM. */
export function endWithStarter(): void {
  process.on('disconnect', () => process.emit('SIGTERM', 'SIGTERM'));
}

export function leaveSignalsToCommand(): void {
  handlesSignals = false;
}

/** For a command that must clean up before it ends, however often it is asked to. */
export function onRepeatedInterrupt(action: () => void): void {
  onRepeat = action;
}

export function paths(): Paths {
  return resolvePaths();
}

export function control(): ControlClient {
  return new ControlClient(stateFiles(paths().state).socket);
}

/** Runs `action` with a client of the running cluster. */
export async function withClient<T>(action: (client: Client) => Promise<T>): Promise<T> {
  const client = await connectLocal(paths().state);
  try {
    return await action(client);
  } finally {
    client.close();
  }
}

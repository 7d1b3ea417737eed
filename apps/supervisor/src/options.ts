import { parseArgs } from 'node:util';
import { V3Error } from '@v3vee/contracts';

/** How `v3 up` starts the supervisor. */
export interface SupervisorOptions {
  /** The cluster file. */
  file: string;
  /** Apply it even if it is what was applied last. */
  apply: boolean;
  /** The gateway's address. */
  listen: string;
  port: number | undefined;
  /** Runs on when the process that started it ends. */
  detach: boolean;
}

export function readOptions(args: string[]): SupervisorOptions {
  const { values } = parseArgs({
    args,
    options: {
      file: { type: 'string' },
      apply: { type: 'boolean', default: false },
      listen: { type: 'string', default: '127.0.0.1' },
      port: { type: 'string' },
      detach: { type: 'boolean', default: false },
    },
  });
  if (values.file === undefined) throw new V3Error('USAGE', '--file is required: the cluster file');
  return {
    ...values,
    file: values.file,
    port: values.port === undefined ? undefined : readPort(values.port),
  };
}

function readPort(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port >= 1 && port <= 65535) return port;
  throw new V3Error('USAGE', `--port is "${text}"; a port is a number from 1 to 65535`);
}

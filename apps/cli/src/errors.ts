import { errorCatalogue, summarise, V3Error } from '@v3vee/contracts';

/** Ended by a signal on purpose: nothing to explain. */
export class Interrupted extends Error {
  constructor(readonly exitCode = 130) {
    super('interrupted');
    this.name = 'Interrupted';
  }
}

/** `v3: <title>: <detail>`; several wrong fields are listed, one a line. */
export function formatError(error: V3Error): string {
  const { title } = errorCatalogue[error.code];
  const fields = error.fields ?? [];
  if (fields.length < 2) return `v3: ${title}: ${error.message}`;
  const summary = summarise(fields);
  const head = error.message.endsWith(summary) ? error.message.slice(0, -summary.length) : error.message;
  const lines = fields.map(field => `\n  ${summarise([field])}`);
  return `v3: ${title}: ${head.replace(/[:\s]+$/, '') || `${fields.length} mistakes`}:${lines.join('')}`;
}

/** Says what went wrong on stderr; returns the exit code. */
export function reportError(thrown: unknown): number {
  if (thrown instanceof Interrupted) return thrown.exitCode;
  const error = V3Error.from(thrown);
  process.stderr.write(`${formatError(error)}\n`);
  if (error.code === 'INTERNAL' && process.env.V3_DEBUG && thrown instanceof Error) {
    process.stderr.write(`${thrown.stack}\n`);
  }
  return error.exitCode;
}

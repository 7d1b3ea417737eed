import { spawnSync } from 'node:child_process';

/**
 * What clients of the published proto files would notice: `buf breaking` by the rules of the folder's `buf.yaml`.
 * @param published image that {@link buildImage} wrote
 * @returns a line each, `FILE:LINE:COLUMN: what`; or why a file does not compile
 * @throws Error when buf does not run
 */
export function breaking(folder: string, published: string): string[] {
  const { status, output } = buf(['breaking', folder, '--against', published]);
  if (status === 0) return [];
  if (status === FOUND) return output.replaceAll(`${folder}/`, '').trimEnd().split('\n');
  throw new Error(`buf breaking: ${output}`);
}

/** Writes what was published: the compiled proto files without their words. @throws Error when one doesn't compile */
export function buildImage(folder: string, file: string): void {
  const { status, output } = buf(['build', folder, '--exclude-source-info', '-o', file]);
  if (status !== 0) throw new Error(`buf build: ${output}`);
}

/** Exit code of buf when it has something to tell of the files. */
const FOUND = 100;

function buf(args: string[]): { status: number | null; output: string } {
  const program = require.resolve('@bufbuild/buf/bin/buf');
  const { status, stdout, stderr, error } = spawnSync(process.execPath, [program, ...args], {
    encoding: 'utf8',
  });
  if (error) throw error;
  return { status, output: stdout + stderr };
}

import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const ROOT = join(__dirname, '../../../..');

/** Runs TypeScript from the sources, as Jest does. */
const LOADER = `
  const { transformFileSync } = require(${JSON.stringify(require.resolve('@swc/core'))});
  const Module = require('node:module');
  const options = require(${JSON.stringify(join(ROOT, 'jest.swc.js'))});
  require.extensions['.ts'] = (module, file) => module._compile(transformFileSync(file, options).code, file);
  const resolve = Module._resolveFilename;
  Module._resolveFilename = (request, ...rest) =>
    resolve(request.replace(/^@v3vee\\/([^/]+)$/, ${JSON.stringify(`${ROOT}/libs/`)} + '$1/src/index.ts'), ...rest);
`;

/** Starts a program of this folder as a process of its own. */
export async function start(folder: string, program: string, args: string[]): Promise<ChildProcess> {
  const loader = join(folder, 'loader.cjs');
  await writeFile(loader, LOADER);
  return fork(join(__dirname, program), args, { execArgv: ['-r', loader] });
}

export async function message<T>(child: ChildProcess): Promise<T> {
  const answer = once(child, 'message') as Promise<[T]>;
  const end = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`the process ended with ${code ?? signal}`);
  });
  return (await Promise.race([answer, end]))[0] as T;
}

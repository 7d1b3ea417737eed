/** Builds the programs that come with Kitten as native binaries, `dist/programs/*.wasm`, with Clang for WebAssembly. */
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runClang } from '@yowasp/clang';

const PROGRAMS = ['stream', 'hpccg', 'selfish'];
const here = dirname(fileURLToPath(import.meta.url));
const target = join(here, '../dist/programs');

const names = (await readdir(here)).filter(name => /\.[ch]$/.test(name));
const sources = Object.fromEntries(
  await Promise.all(names.map(async name => [name, await readFile(join(here, name), 'utf8')])),
);
await mkdir(target, { recursive: true });
for (const program of PROGRAMS) {
  const files = await runClang(
    [
      ...['clang', '--target=wasm32', '-O2', '-Wall', '-Wextra', '-Werror', '-nostdlib', '-fno-builtin'],
      ...['-Wl,--no-entry', '-Wl,--strip-all', '-o', `${program}.wasm`],
      ...[`${program}.c`, 'print.c', 'arguments.c', 'platform-kitten.c'],
    ],
    sources,
    { fetchProgress: () => undefined },
  );
  await writeFile(join(target, `${program}.wasm`), files[`${program}.wasm`]);
}

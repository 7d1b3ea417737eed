import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PROGRAMS, programSources, type ProgramName } from '@v3vee/native';
import type { LabContext } from '../../lab';

const run = promisify(execFile);

/** As a distribution would build them, but with SSE2, which the engine translates and x87 not; nothing of a C library. */
const FLAGS = [
  ...['-m32', '-march=i686', '-msse2', '-mfpmath=sse', '-O2', '-ffreestanding', '-fno-builtin', '-nostdlib'],
  ...['-static', '-fno-pic', '-no-pie', '-fno-stack-protector', '-fno-asynchronous-unwind-tables', '-s'],
];
/** GCC would make calls of a library of copying loops, and use four lanes at a time: the native binaries do neither. */
const GCC_FLAGS = ['-fno-tree-loop-distribute-patterns', '-fno-tree-vectorize'];
const CLANG_FLAGS = ['-fno-vectorize', '-fno-slp-vectorize'];

export type GuestPrograms = Record<ProgramName, Buffer>;

/**
 * The programs of Kitten's native jobs as i386 Linux programs, from the same sources: by the C compiler of this machine.
 * Undefined where it has none that can.
 */
export async function buildGuestPrograms(context: LabContext): Promise<GuestPrograms | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'v3-programs-'));
  context.cleanup(() => rm(folder, { recursive: true, force: true }));
  for (const [compiler, own] of [
    ['gcc', GCC_FLAGS],
    ['clang', CLANG_FLAGS],
  ] as const) {
    try {
      const built = PROGRAMS.map(async name => {
        const target = join(folder, name);
        const sources = [name, 'print', 'arguments', 'platform-linux'].map(file =>
          join(programSources, `${file}.c`),
        );
        await run(compiler, [...FLAGS, ...own, '-o', target, ...sources]);
        return [name, await readFile(target)] as const;
      });
      return Object.fromEntries(await Promise.all(built)) as GuestPrograms;
    } catch (error) {
      const { code, stderr = '' } = error as NodeJS.ErrnoException & { stderr?: string };
      if (code !== 'ENOENT')
        context.progress(`${compiler} can't build i386 programs: ${stderr.slice(0, 200)}`);
    }
  }
  return undefined;
}

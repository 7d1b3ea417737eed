import { resolve } from 'node:path';

/** The programs that come with Kitten, `programs/*.c`. */
export const PROGRAMS = ['stream', 'hpccg', 'selfish'] as const;
export type ProgramName = (typeof PROGRAMS)[number];

/** The native binary of one, which the build made. */
export const programPath = (name: ProgramName): string => resolve(__dirname, `../dist/programs/${name}.wasm`);

/** The folder of their sources, which a program for a guest is built of too. */
export const programSources = resolve(__dirname, '../programs');

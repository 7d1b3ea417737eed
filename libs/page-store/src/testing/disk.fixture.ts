import fs from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** What a cut leaves: `process`: all that was written; `content`: only what was synced of it; `all`: names, too, are as they were synced. */
export const losses = ['process', 'content', 'all'] as const;
export type Loss = (typeof losses)[number];

/** The process, or its machine, ended here. */
export class Cut extends Error {}

const real = { ...fs };

/** The real disk below `folder`, which can be cut off, or be full, at any of the operations that change it. */
export class Disk {
  /** Operations so far. */
  operations = 0;
  /** From this one on nothing works any more. */
  cutAt = Infinity;
  /** From this one on there is no room. */
  fullAt = Infinity;
  /** Bytes that are safe of files that have more. */
  readonly #unsynced = new Map<string, number>();
  /** How to undo what happened to names since their folder was synced, oldest first. */
  #undo: { folder: string; undo: () => Promise<void> }[] = [];
  #attic = 0;

  /** @param attic a folder beside it, for what is removed */
  constructor(
    private readonly folder: string,
    private readonly attic: string,
  ) {
    jest.spyOn(fs, 'open').mockImplementation(this.#open as typeof fs.open);
    jest.spyOn(fs, 'rename').mockImplementation(this.#rename as typeof fs.rename);
    jest.spyOn(fs, 'rm').mockImplementation(this.#rm as typeof fs.rm);
    jest.spyOn(fs, 'unlink').mockImplementation(this.#rm as typeof fs.unlink);
    for (const name of ['link', 'writeFile', 'mkdir', 'stat', 'readdir', 'readFile'] as const) {
      const original = real[name] as (...args: unknown[]) => Promise<unknown>;
      jest.spyOn(fs, name).mockImplementation(((...args: unknown[]) => {
        this.#requireWhole();
        return original(...args);
      }) as never);
    }
  }

  /** The disk as it is when the machine is up again. */
  async restart(loss: Loss): Promise<void> {
    jest.restoreAllMocks();
    if (loss === 'all') for (const { undo } of this.#undo.reverse()) await undo();
    if (loss !== 'process') {
      for (const [path, size] of this.#unsynced) await real.truncate(path, size).catch(() => undefined);
    }
    // Its holder is dead.
    for (const name of await real.readdir(this.folder)) {
      if (name.startsWith('lock')) await real.rm(join(this.folder, name));
    }
  }

  #requireWhole(): void {
    if (this.operations >= this.cutAt) throw new Cut();
  }

  #step(takesRoom: boolean): void {
    this.#requireWhole();
    this.operations++;
    this.#requireWhole();
    if (takesRoom && this.operations > this.fullAt)
      throw Object.assign(new Error('full'), { code: 'ENOSPC' });
  }

  #concerns(path: string): boolean {
    return path.startsWith(this.folder) && !basename(path).startsWith('lock');
  }

  #open = async (path: string, flags = 'r', mode?: number): Promise<FileHandle> => {
    const writes = flags !== 'r';
    if (!this.#concerns(path)) return real.open(path, flags, mode);
    if (writes) this.#step(true);
    else this.#requireWhole();
    const file = await real.open(path, flags, mode);
    if (writes) {
      this.#unsynced.set(path, 0);
      this.#note(path, () => real.rm(path, { force: true }));
    }
    const writeFile = file.writeFile.bind(file);
    file.writeFile = async (data: unknown) => {
      this.#step(true);
      await writeFile(data as Buffer);
    };
    file.sync = async () => {
      // What is lost is decided here, not by the real disk, which takes long to sync.
      this.#step(writes);
      if (writes) this.#unsynced.delete(path);
      else this.#undo = this.#undo.filter(({ folder }) => folder !== path);
    };
    return file;
  };

  #rename = async (from: string, to: string): Promise<void> => {
    this.#step(true);
    const replaced = join(this.attic, String(this.#attic++));
    await real.link(to, replaced).catch(() => undefined);
    await real.rename(from, to);
    const size = this.#unsynced.get(from);
    this.#unsynced.delete(from);
    if (size !== undefined) this.#unsynced.set(to, size);
    this.#note(to, async () => {
      await real.rename(to, from);
      await real.rename(replaced, to);
    });
  };

  #rm = async (path: string): Promise<void> => {
    if (!this.#concerns(path)) return real.rm(path, { force: true });
    this.#step(false);
    const kept = join(this.attic, String(this.#attic++));
    const existed = await real.rename(path, kept).then(
      () => true,
      () => false,
    );
    if (existed) this.#note(path, () => real.rename(kept, path));
  };

  #note(path: string, undo: () => Promise<void>): void {
    this.#undo.push({ folder: dirname(path), undo: () => undo().catch(() => undefined) });
  }
}

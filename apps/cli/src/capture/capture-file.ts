import { open, type FileHandle } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { V3Error } from '@v3vee/contracts';

/** Where a capture's blocks go; `write` resolves when there is room for more. */
export interface CaptureSink {
  write(block: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** A new file, which never ends within a block: what does not fit on the disk any more is taken back. */
export class CaptureFile implements CaptureSink {
  #length = 0;

  private constructor(
    private readonly path: string,
    private readonly file: FileHandle,
  ) {}

  /** @throws V3Error USAGE when it exists or can't be written */
  static async create(path: string): Promise<CaptureFile> {
    try {
      return new CaptureFile(path, await open(path, 'wx'));
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      const why =
        code === 'EEXIST'
          ? 'exists already; remove it or choose another name'
          : `can't be written (${code === 'ENOENT' ? 'there is no such folder' : code})`;
      throw new V3Error('USAGE', `${path} ${why}`, { cause });
    }
  }

  /** @throws V3Error STORAGE_FULL, and whatever else the disk says */
  async write(block: Uint8Array): Promise<void> {
    try {
      await this.file.appendFile(block);
      this.#length += block.length;
    } catch (cause) {
      await this.file.truncate(this.#length).catch(() => undefined);
      const { code, message } = cause as NodeJS.ErrnoException;
      const full = code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG';
      const detail = full
        ? `${this.path} can't grow beyond ${this.#length} bytes (${code}); what it has is whole`
        : `${this.path} can't be written: ${message}`;
      throw new V3Error(full ? 'STORAGE_FULL' : 'INTERNAL', detail, { cause });
    }
  }

  async close(): Promise<void> {
    await this.file.close();
  }
}

/** Standard output, or what else is written to while somebody reads. */
export class CaptureOutput implements CaptureSink {
  constructor(private readonly stream: Writable) {}

  async write(block: Uint8Array): Promise<void> {
    await new Promise<void>(resolve => this.stream.write(block, () => resolve()));
  }

  async close(): Promise<void> {}
}

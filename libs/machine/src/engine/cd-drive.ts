import type { V86IdeDrive } from './v86-internals';

/** The bytes of a disc. */
export interface Disc {
  readonly bytes: number;
  read(offset: number, into: Uint8Array): void;
}

const SECTOR_BYTES = 2048;

/**
 * A disc as the engine's ATAPI drive reads it: whole sectors, nothing of which is in saved states. What a guest asks for
 * beyond the end is zeroes.
 */
class DiscBuffer {
  readonly byteLength: number;

  constructor(private readonly disc: Disc) {
    this.byteLength = Math.ceil(disc.bytes / SECTOR_BYTES) * SECTOR_BYTES;
  }

  get(start: number, length: number, done: (data: Uint8Array) => void): void {
    done(this.get_from_cache(start, length));
  }

  get_from_cache(start: number, length: number): Uint8Array {
    const data = new Uint8Array(length);
    const there = Math.min(length, this.disc.bytes - start);
    if (start >= 0 && there > 0) this.disc.read(start, data.subarray(0, there));
    return data;
  }

  /** A disc is not written. */
  set(_start: number, _data: Uint8Array, done: () => void): void {
    done();
  }

  get_state(): unknown[] {
    return [];
  }

  set_state(): void {}
}

/**
 * Puts a disc into the drive, or takes it out.
 * @param silently the guest has it already: its state is loaded, and it is not told of a change
 */
export function insertDisc(drive: V86IdeDrive, disc: Disc | undefined, silently: boolean): void {
  if (!disc) {
    drive.buffer = null;
    return;
  }
  const { medium_changed } = drive;
  drive.set_cdrom(new DiscBuffer(disc));
  if (silently) drive.medium_changed = medium_changed;
}

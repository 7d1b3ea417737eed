import { createHash } from 'node:crypto';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { u32 } from '../disk';
import { EXPORT_MAGIC } from '../export-file';
import { GROUP_BYTES } from '../page';

/** The parts of an export file, to be put together differently. */
export interface ExportParts {
  label: Buffer;
  manifest: Buffer;
  /** Packed. */
  groups: Buffer[];
  /** After the last group. */
  rest: Buffer;
}

export function takeApart(file: Buffer): ExportParts {
  let at = EXPORT_MAGIC.length;
  const part = () => {
    const length = file.readUInt32LE(at);
    at += 4 + length;
    return file.subarray(at - length, at);
  };
  const [label, manifest] = [part(), part()];
  const groups: Buffer[] = [];
  for (;;) {
    const group = part();
    if (group.length === 0) return { label, manifest, groups, rest: Buffer.alloc(0) };
    groups.push(group);
  }
}

/** With a checksum that is right. */
export function putTogether({ label, manifest, groups, rest }: ExportParts): Buffer {
  const parts = [label, manifest, ...groups].flatMap(part => [u32(part.length), part]);
  const content = Buffer.concat([EXPORT_MAGIC, ...parts, u32(0)]);
  return Buffer.concat([content, createHash('sha256').update(content).digest(), rest]);
}

export const pack = (bytes: Uint8Array): Buffer => deflateRawSync(bytes, { level: 1 });
export const unpack = (bytes: Uint8Array): Buffer => inflateRawSync(bytes, { maxOutputLength: GROUP_BYTES });

/** A manifest with another header. */
export function withHeader(manifest: Buffer, change: object): Buffer {
  const length = manifest.readUInt32LE(8);
  const header = JSON.parse(manifest.toString('utf8', 12, 12 + length)) as object;
  const text = Buffer.from(JSON.stringify({ ...header, ...change }));
  return Buffer.concat([manifest.subarray(0, 8), u32(text.length), text, manifest.subarray(12 + length)]);
}

/** Somewhere a byte is changed, left out, put in, or a piece is repeated or lost. */
export function damaged(file: Buffer, next: (below: number) => number): Buffer {
  const at = next(file.length);
  const to = Math.min(file.length, at + 1 + next(5000));
  switch (next(6)) {
    case 0:
      return Buffer.concat([
        file.subarray(0, at),
        Buffer.from([file[at]! ^ (1 << next(8))]),
        file.subarray(at + 1),
      ]);
    case 1:
      return file.subarray(0, at);
    case 2:
      return Buffer.concat([file.subarray(0, at), file.subarray(to)]);
    case 3:
      return Buffer.concat([file.subarray(0, to), file.subarray(at)]);
    case 4:
      return Buffer.concat([file.subarray(0, at), u32(next(2 ** 32)), file.subarray(at + 4)]);
    default:
      return Buffer.concat([file, file.subarray(at)]);
  }
}

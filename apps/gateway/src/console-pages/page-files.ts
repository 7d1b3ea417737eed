import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

export interface PageFile {
  type: string;
  bytes: Buffer;
  /** Undefined where compressing gains nothing. */
  gzip: Buffer | undefined;
  etag: string;
  /** Its name changes with its content. */
  isImmutable: boolean;
}

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
};

/**
 * All files of a built site by their address, read once: what is not in here can't be asked for, whatever a path says.
 * Without the folder there are none.
 */
export function readPageFiles(folder: string): Map<string, PageFile> {
  const files = new Map<string, PageFile>();
  const read = (path: string) => {
    for (const entry of readdirSync(join(folder, path), { withFileTypes: true })) {
      const name = `${path}/${entry.name}`;
      const type = types[extname(entry.name)];
      if (entry.isDirectory()) read(name);
      else if (type) files.set(name === '/index.html' ? '/' : name, pageFile(join(folder, name), type));
    }
  };
  if (existsSync(folder)) read('');
  return files;
}

function pageFile(path: string, type: string): PageFile {
  const bytes = readFileSync(path);
  const gzip = gzipSync(bytes, { level: 9 });
  return {
    type,
    bytes,
    gzip: gzip.length < bytes.length ? gzip : undefined,
    etag: `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`,
    isImmutable: path.includes('/assets/'),
  };
}

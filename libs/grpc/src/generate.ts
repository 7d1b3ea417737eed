/**
 * Writes the proto files: `npm run proto -w libs/grpc`, after a change of the REST table. What breaks clients is refused,
 * unless `-- --accept-break` says that it is meant.
 */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { api } from './api';
import { breaking, buildImage } from './compatibility';
import { NUMBERS_FILE, OWN_FOLDER, PROTO_FOLDER, PUBLISHED_IMAGE } from './files';
import { numbered, type Numbers } from './numbers';
import { protoFiles } from './proto-files';

const before = existsSync(NUMBERS_FILE) ? (JSON.parse(readFileSync(NUMBERS_FILE, 'utf8')) as Numbers) : {};
const numbers = numbered(api(), before);

// Nothing is written before buf has seen all of it.
const folder = mkdtempSync(join(tmpdir(), 'v3-proto-'));
try {
  cpSync(PROTO_FOLDER, folder, { recursive: true });
  writeTo(join(folder, relative(PROTO_FOLDER, OWN_FOLDER)));
  const problems = existsSync(PUBLISHED_IMAGE) ? breaking(folder, PUBLISHED_IMAGE) : [];
  if (problems.length > 0 && !process.argv.includes('--accept-break')) {
    process.stderr.write(`${problems.join('\n')}\nClients break. If that is meant: --accept-break\n`);
    process.exitCode = 1;
  } else {
    writeTo(OWN_FOLDER);
    writeFileSync(NUMBERS_FILE, `${JSON.stringify(numbers, null, 2)}\n`);
    buildImage(PROTO_FOLDER, PUBLISHED_IMAGE);
  }
} finally {
  rmSync(folder, { recursive: true });
}

function writeTo(own: string): void {
  mkdirSync(own, { recursive: true });
  for (const [name, text] of protoFiles(api(), numbers)) writeFileSync(join(own, name), text);
}

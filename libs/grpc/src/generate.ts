/** Writes the proto files: `npm run proto -w libs/grpc`, after a change of the REST table. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { api } from './api';
import { OWN_FOLDER, PUBLISHED_FILE } from './files';
import { publish, type Published } from './numbers';
import { protoFiles } from './proto-files';

const before = existsSync(PUBLISHED_FILE)
  ? (JSON.parse(readFileSync(PUBLISHED_FILE, 'utf8')) as Published)
  : {};
const published = publish(api(), before);
mkdirSync(OWN_FOLDER, { recursive: true });
writeFileSync(PUBLISHED_FILE, publishedText(published));
for (const [name, text] of protoFiles(api(), published)) writeFileSync(join(OWN_FOLDER, name), text);

/** A line for each field, so that a change shows as one. */
function publishedText(all: Published): string {
  const message = ([name, fields]: [string, Published[string]]) =>
    `  ${JSON.stringify(name)}: {${Object.entries(fields)
      .map(
        ([field, entry]) =>
          `\n    ${JSON.stringify(field)}: [${entry.map(e => JSON.stringify(e)).join(', ')}]`,
      )
      .join(',')}${Object.keys(fields).length ? '\n  ' : ''}}`;
  return `{\n${Object.entries(all).map(message).join(',\n')}\n}\n`;
}

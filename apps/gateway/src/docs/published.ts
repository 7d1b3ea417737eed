import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Json } from './responses';

/** The shape of the OpenAPI document as it was published: what clients are written for. */
export const PUBLISHED_FILE = join(dirname(require.resolve('@v3vee/contracts/package.json')), 'openapi.json');

export function published(): Json {
  return JSON.parse(readFileSync(PUBLISHED_FILE, 'utf8')) as Json;
}

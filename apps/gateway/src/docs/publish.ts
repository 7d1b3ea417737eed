/**
 * Writes the published shape of the OpenAPI document: `npm run openapi -w apps/gateway`, after a change of the REST
 * table. What breaks clients is refused, unless `-- --accept-break` says that it is meant.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { incompatibilities, shapeOf } from './compatibility';
import { openApiDocument } from './openapi';
import { published, PUBLISHED_FILE } from './published';

const shape = shapeOf(openApiDocument());
const problems = existsSync(PUBLISHED_FILE) ? incompatibilities(published(), shape) : [];
if (problems.length > 0 && !process.argv.includes('--accept-break')) {
  process.stderr.write(`${problems.join('\n')}\nClients break. If that is meant: --accept-break\n`);
  process.exitCode = 1;
} else {
  writeFileSync(PUBLISHED_FILE, `${JSON.stringify(shape, null, 1)}\n`);
}

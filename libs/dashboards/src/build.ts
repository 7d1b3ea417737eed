/** Writes the dashboards as JSON, which is all that anybody needs of them. Run by the build of this package. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dashboards } from './dashboards';
import { DASHBOARD_FOLDER } from './files';

mkdirSync(DASHBOARD_FOLDER, { recursive: true });
for (const dashboard of dashboards) {
  writeFileSync(join(DASHBOARD_FOLDER, `${dashboard.uid}.json`), `${JSON.stringify(dashboard, null, 2)}\n`);
}

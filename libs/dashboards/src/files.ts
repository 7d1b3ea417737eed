import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { V3Error } from '@v3vee/contracts';

/** Where the build puts the dashboards, one file each. */
export const DASHBOARD_FOLDER = join(__dirname, '../dist/json');

/** As Grafana takes it; what we need to know of it. */
export interface DashboardJson {
  uid: string;
  title: string;
  panels: readonly PanelJson[];
}
export interface PanelJson {
  title?: string;
  targets?: readonly { expr: string }[];
  /** Of a row that is folded. */
  panels?: readonly PanelJson[];
}

/** All dashboards, as they were built. @throws V3Error SETUP_FAILED they were not */
export function readDashboards(): DashboardJson[] {
  let names: string[];
  try {
    names = readdirSync(DASHBOARD_FOLDER).sort();
  } catch (cause) {
    throw new V3Error('SETUP_FAILED', `the dashboards were not built: ${DASHBOARD_FOLDER} is missing`, {
      cause,
    });
  }
  return names.map(name => JSON.parse(readFileSync(join(DASHBOARD_FOLDER, name), 'utf8')) as DashboardJson);
}

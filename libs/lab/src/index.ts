import type { Lab } from './lab';
import { controlLab } from './labs/control/control';
import { kittenLab } from './labs/kitten/kitten';
import { migrationLab } from './labs/migration/migration';
import { palaciosLab } from './labs/palacios/palacios';
import { routerLab } from './labs/router/router';
import { startLab } from './labs/start';
import { vnetLab } from './labs/vnet/vnet';
import { vpioLab } from './labs/vpio/vpio';
import { wifiLab } from './labs/wifi/wifi';

export { runLab, type Lab, type LabContext } from './lab';
export { formatSvg, formatTable } from './report';
export type { Plot } from './plot';
export type { Figure, LabResult, LabRow, Target } from './result';

/** Every experiment by name. */
export const labs: Readonly<Record<string, Lab>> = Object.fromEntries(
  [startLab, palaciosLab, vnetLab, routerLab, vpioLab, migrationLab, wifiLab, kittenLab, controlLab].map(
    lab => [lab.name, lab],
  ),
);

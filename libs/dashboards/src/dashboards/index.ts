import { cluster } from './cluster';
import { host } from './host';
import { migration } from './migration';
import { overlay } from './overlay';
import { vm } from './vm';
import { vpio } from './vpio';
import { wifi } from './wifi';

export const dashboards = [cluster, host, vm, overlay, vpio, wifi, migration];

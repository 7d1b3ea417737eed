import { lazy } from 'react';
import type { Screen } from './screen';

/** In the order of the navigation; the first one is where the console opens. Each is loaded when it is opened. */
export const screens: readonly Screen[] = [
  {
    id: 'topology',
    title: 'Topology',
    icon: 'topology',
    group: 'Compute',
    view: lazy(() => import('./topology').then(({ TopologyScreen }) => ({ default: TopologyScreen }))),
  },
  {
    id: 'vms',
    title: 'Virtual machines',
    icon: 'vm',
    group: 'Compute',
    view: lazy(() => import('./vms').then(({ VmsScreen }) => ({ default: VmsScreen }))),
  },
  {
    id: 'hosts',
    title: 'Hosts',
    icon: 'host',
    group: 'Compute',
    view: lazy(() => import('./hosts').then(({ HostsScreen }) => ({ default: HostsScreen }))),
  },
  {
    id: 'jobs',
    title: 'Jobs',
    needs: 'listJobs',
    icon: 'job',
    group: 'Compute',
    view: lazy(() => import('./jobs').then(({ JobsScreen }) => ({ default: JobsScreen }))),
  },
  {
    id: 'networks',
    title: 'Networks',
    icon: 'network',
    group: 'Network',
    view: lazy(() => import('./networks').then(({ NetworksScreen }) => ({ default: NetworksScreen }))),
  },
  {
    id: 'capture',
    title: 'Capture',
    needs: 'capture',
    icon: 'capture',
    group: 'Network',
    view: lazy(() => import('./capture').then(({ CaptureScreen }) => ({ default: CaptureScreen }))),
  },
  {
    id: 'devices',
    title: 'Devices (VPIO)',
    needs: 'listDevices',
    icon: 'device',
    group: 'Hardware',
    view: lazy(() => import('./devices').then(({ DevicesScreen }) => ({ default: DevicesScreen }))),
  },
  {
    id: 'wifi',
    title: 'Wi-Fi',
    needs: 'listRadios',
    icon: 'wifi',
    group: 'Hardware',
    view: lazy(() => import('./wifi').then(({ WifiScreen }) => ({ default: WifiScreen }))),
  },
  {
    id: 'activity',
    title: 'Activity',
    icon: 'activity',
    group: 'Cluster',
    view: lazy(() => import('./activity').then(({ ActivityScreen }) => ({ default: ActivityScreen }))),
  },
  {
    id: 'events',
    title: 'Events',
    icon: 'events',
    group: 'Cluster',
    view: lazy(() => import('./events').then(({ EventsScreen }) => ({ default: EventsScreen }))),
  },
  {
    id: 'labs',
    title: 'Labs',
    needs: 'listLabs',
    icon: 'lab',
    group: 'Cluster',
    view: lazy(() => import('./labs').then(({ LabsScreen }) => ({ default: LabsScreen }))),
  },
];

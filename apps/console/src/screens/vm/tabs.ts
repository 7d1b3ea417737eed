import { lazy, type ComponentType, type LazyExoticComponent } from 'react';
import type { Vm } from '@v3vee/contracts';
import type { Doing } from '../../api/who';

export interface VmTabProps {
  vm: Vm;
}

/** One tab of a VM. A tab is a folder; each is loaded when it is opened. */
export interface VmTab {
  id: string;
  title: string;
  /** Who may not do this does not see it. */
  needs?: Doing;
  view: LazyExoticComponent<ComponentType<VmTabProps>>;
}

export const vmTabs: readonly VmTab[] = [
  {
    id: 'summary',
    title: 'Summary',
    view: lazy(() => import('./summary').then(({ SummaryTab }) => ({ default: SummaryTab }))),
  },
  {
    id: 'terminal',
    title: 'Terminal',
    needs: 'console',
    view: lazy(() => import('./terminal').then(({ TerminalTab }) => ({ default: TerminalTab }))),
  },
  {
    id: 'screen',
    title: 'Screen',
    view: lazy(() => import('./screen').then(({ ScreenTab }) => ({ default: ScreenTab }))),
  },
  {
    id: 'exits',
    title: 'Exits',
    view: lazy(() => import('./exits').then(({ ExitsTab }) => ({ default: ExitsTab }))),
  },
  {
    id: 'memory',
    title: 'Memory',
    view: lazy(() => import('./memory').then(({ MemoryTab }) => ({ default: MemoryTab }))),
  },
  {
    id: 'disks',
    title: 'Disks',
    view: lazy(() => import('./disks').then(({ DisksTab }) => ({ default: DisksTab }))),
  },
  {
    id: 'nics',
    title: 'NICs',
    view: lazy(() => import('./nics').then(({ NicsTab }) => ({ default: NicsTab }))),
  },
  {
    id: 'snapshots',
    title: 'Snapshots',
    view: lazy(() => import('./snapshots').then(({ SnapshotsTab }) => ({ default: SnapshotsTab }))),
  },
  {
    id: 'events',
    title: 'Events',
    view: lazy(() => import('./events').then(({ EventsTab }) => ({ default: EventsTab }))),
  },
];

import type { LazyExoticComponent, ComponentType } from 'react';
import type { Doing } from '../api/who';
import type { IconName } from '../ui/icon';

/** What a screen is given of the address: the parts behind its own. */
export interface ScreenProps {
  path: readonly string[];
}

/** One entry of the navigation. A screen is a folder; `index.ts` lists them. */
export interface Screen {
  /** First part of its address. */
  id: string;
  title: string;
  icon: IconName;
  /** Who may not do this does not see it. */
  needs?: Doing;
  group: 'Compute' | 'Network' | 'Hardware' | 'Cluster' | 'Access';
  view: LazyExoticComponent<ComponentType<ScreenProps>>;
}

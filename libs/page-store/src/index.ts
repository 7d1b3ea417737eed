export { MAX_LABEL_BYTES } from './export-file';
export { readLabel } from './import-file';
export type { MachineCut, MachineHead, MachineState } from './manifest';
export {
  PageStore,
  type Imported,
  type PageStoreOptions,
  type StoreStats,
  type Verified,
  type WriteOptions,
} from './page-store';
export type { Lock, Staged, Written } from './staging';
export type { Usage } from './usage';

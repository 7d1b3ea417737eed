export { Guest } from './worker/guest';
export type { GuestEnd } from './worker/guest-thread';
export type { GuestOptions } from './worker/guest-options';
export { CoreWord, type CoreState } from './worker/core-word';
export { LeaseWord } from './worker/lease-word';
export { AGENT_CHANNEL, CONFIG_CHANNEL, GuestChannel } from './worker/channel';
export type { NetSettings } from '@v3vee/devices';
export type { DiskLayers } from './worker/disks';
export type { DiskShape } from './worker/devices';
export type { CardConfig, DiskConfig, Firmware, NicConfig, Telemetry } from './worker/protocol';
export type {
  FromSharedCard,
  GuestTraceEvent,
  ModelState,
  SharedCardAccount,
  Sharing,
  ToSharedCard,
} from './worker/vpio/messages';
export type { BootImage } from './engine/direct-boot';
export type { Screen } from './engine/screen';
export { combination, typing } from './keyboard/scan-codes';
export type { ExitKind } from './engine/guest-exit';
export type { PortCount } from './engine/hook-table';
export { hookDispatch } from './engine/hook-dispatch';
export { COST_BOUNDS_US, type ExitTally } from './engine/exit-account';
export type { RegionDescription } from './engine/memory-map';
export { DEFAULT_YIELD, yieldStrategies, type YieldSettings, type YieldStrategy } from './engine/yielding';
export { MAX_MATCHES, MAX_MEMORY_BYTES, MAX_PATTERN_BYTES } from './worker/guest-memory';
export type { MemoryClient } from './worker/memory-client';
export type { DeviceSpec } from '@v3vee/devices';
export { ENGINE_VERSION } from './engine/v86-internals';
export { STATE_FORMAT, type MachineCut, type MachineHead, type MachineState } from './state/machine-state';
export type { IncomingCopy } from './live/incoming-copy';
export type { Deliver, OutgoingCopy, RoundResult } from './live/outgoing-copy';
export { BATCH_PAGES, PAGE_BYTES, type PageBatch } from './worker/live/pages';
export { decodeState, encodeState, readStateFile, writeStateFile } from './state/state-file';
export type { ExecRequest, ExecResult, GuestAgent, GuestInterface } from './agent/guest-agent';
export { ConfigClient } from './config-channel/config-client';
export type { CardDriver, DiskIdentity, GuestIdentity, WifiIdentity } from './config-channel/config-client';
export {
  ensureTemplate,
  hasTemplate,
  startFromTemplate,
  unloadTemplates,
  type TemplateOptions,
} from './template/template';
export type { TemplateCard, TemplateSource } from './template/template-key';
export * from './image';
export { BareGuest } from './worker/bare-guest';

export { DedicatedRadio, type HostRadio } from './dedicated-radio';
export { Radio, type RadioOptions } from './radio';
export { radioDefaults, type RadioSettings } from './consolidation';
export { readRadioContext, type FrameContext, type RadioContext, type StationContext } from './context';
export { type DropReason, type StationState as RadioStationState } from './station';
export { type Turn } from './channels';
export { type BssStatus, type RadioStatus, type StationStatus, type VmStatus } from './status';
export { type VmAttachment, type VmDrop } from './vm-port';

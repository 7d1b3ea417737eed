export { abortable } from './abortable';
export { natsOptions } from './address';
export { Bus, type BusOptions, type Stoppable } from './bus';
export { decodeFrameBatch, encodeFrameBatch, MAX_FRAME_BYTES, type TaggedFrame } from './frame-batch';
export { FrameSender } from './frame-sender';
export {
  decodeHwsimBatch,
  encodeHwsimBatch,
  HwsimSender,
  MAX_HWSIM_BYTES,
  type TaggedHwsim,
} from './hwsim-batch';

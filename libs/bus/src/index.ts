export { Bus, type BusOptions, type Stoppable } from './bus';
export {
  decodeFrameBatch,
  encodeFrameBatch,
  FrameSender,
  MAX_FRAME_BYTES,
  type TaggedFrame,
} from './frame-batch';

import { controlSubtypes, frameTypes, managementSubtypes, type Ieee80211Frame } from '@v3vee/wire';

const ACK_POLICY = 0x60;
const NO_ACK = 0x20;
const QOS_CONTROL = 24;

/** Whether the receiver owes an acknowledgement (IEEE 802.11-2020 §10.3.2.11). */
export function needsAck(frame: Ieee80211Frame): boolean {
  if (frame.isGroupAddressed) return false;
  switch (frame.type) {
    case frameTypes.MANAGEMENT:
      return frame.subtype !== managementSubtypes.ACTION_NO_ACK;
    case frameTypes.CONTROL:
      return frame.subtype === controlSubtypes.PS_POLL || frame.subtype === controlSubtypes.BLOCK_ACK_REQUEST;
    case frameTypes.DATA: {
      const at = QOS_CONTROL + frame.addr4.length;
      return !frame.isQos || ((frame.bytes[at] as number) & ACK_POLICY) !== NO_ACK;
    }
    default:
      return false;
  }
}

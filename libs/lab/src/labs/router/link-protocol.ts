import type { NicPort } from '@v3vee/overlay';

/** What the two processes of the link measurement agree on. */

/** The number of the lab's network; the cluster's own networks count from 1. */
const VNI = 0xff_0002;

/** Frames go this way in the raw measurement: one NATS message each, nothing else. */
export const RAW_SUBJECT = 'lab.router.raw';
/** The receiver says here, as a decimal number, how many frames have arrived since it started. */
export const CREDIT_SUBJECT = 'lab.router.credit';
export const CREDIT_EVERY = 1024;

export const SENDER_MAC = '02:00:0a:63:01:01';
export const RECEIVER_MAC = '02:00:0a:63:01:02';

export const nicPort = (mac: string, deliver: (frames: Uint8Array[]) => void): NicPort => ({
  vni: VNI,
  place: { type: 'interface', mac },
  vmId: `00000000-0000-4000-8000-0000000000${mac.slice(-2)}`,
  epoch: 1,
  deliver,
});

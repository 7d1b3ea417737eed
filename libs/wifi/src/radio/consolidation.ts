/**
 * How the controls of several VMs become those of one radio.
 *
 * A VM has its own vMACs, associations, keys, rates and power states; the radio has one of each thing below. What a
 * VM wants is taken from its frames, since the hwsim protocol says nothing else: it knows no channel, no power, no
 * filter and no scan.
 *
 * | control | what a VM says | the rule |
 * |---|---|---|
 * | channel | authentication, association, data and beacons fix it; any other frame asks for a visit | one channel wanted: the radio stays there. More: time slices, see `transceiver.ts`. `channels` at a time |
 * | scan | hwsim begins the vMAC a second time, or a random address once; group-addressed probe requests | one visit of a channel serves all: the same probe request of anybody within {@link RadioSettings.mergeMs} is answered from the BSS table, beacons and probe responses go to all who scan (responses with their own address). A passive scan sends nothing: it gets replayed beacons of all channels, and its driver keeps those of its own |
 * | power save | PM bit of its frames | the radio is awake while one vMAC is (least saving). A vMAC's own sleep reaches its AP as it is; for those awake the radio announces its absences |
 * | transmit power | not in the protocol; the control plane may ask for one | the highest asked, at most the radio's: the one that needs most must be heard |
 * | rates | rate table of each frame | as they are; HT and VHT as the legacy rate of the same modulation |
 * | addresses | ADD_MAC and DEL_MAC, counted | only those that the VM owns; random ones for probe requests only |
 * | receive filter | not in the protocol | unicast to the owner; group frames to those of the BSS, those that are in none, and those that scan |
 * | monitor | the address 00:00:00:00:00:00 (a monitor alone), or the control plane says so | all frames on the radio's channels. It asks for no channel |
 * | airtime | queues | deficit round robin by airtime over vMACs |
 *
 * What is lost while a radio is away from a channel: group frames, and for a VM that is an access point its beacons
 * and what its stations send. A channel with such a VM gets at least three quarters of the time.
 */
export interface RadioSettings {
  /** Channels at the same time. Default 1. */
  channels: number;
  /** dBm that it can send with. Default 20. */
  txPower: number;
  /** ms of a channel's share when several are wanted; they are dealt by vMACs that are active. Default 30. */
  sliceMs: number;
  /** ms that a visit for a probe request takes. Default 20. */
  visitMs: number;
  /** ms at a channel that is in use between two visits elsewhere. Default 12. */
  homeMs: number;
  /** ms to hear a channel's beacons. Default 110. */
  surveyMs: number;
  /** ms after which a channel that nobody visited is heard again for scans. Default 15 000. */
  surveyAgeMs: number;
  /** ms within which the same probe request is not sent again. Default 200. */
  mergeMs: number;
  /** Frames of one vMAC that wait. Default 192: hwsim forgets those above 200. */
  queueFrames: number;
}

export const radioDefaults: RadioSettings = {
  channels: 1,
  txPower: 20,
  sliceMs: 30,
  visitMs: 20,
  homeMs: 12,
  surveyMs: 110,
  surveyAgeMs: 15_000,
  mergeMs: 200,
  queueFrames: 192,
};

/** Least saving: awake while one is. */
export const consolidatedSleep = (sleeping: readonly boolean[]): boolean =>
  sleeping.length > 0 && sleeping.every(Boolean);

/** The highest that is asked for; who asks for nothing asks for all there is. */
export function consolidatedPower(most: number, asked: readonly (number | undefined)[]): number {
  if (asked.length === 0) return most;
  return Math.min(most, Math.max(...asked.map(power => power ?? most)));
}

/** An access point's channel gets three times what all others get together. */
const AP_PREFERENCE = 3;

export interface Share {
  /** vMACs with traffic. */
  active: number;
  /** A VM is an access point there. */
  accessPoint: boolean;
}

/** ms of each channel's slice: one `sliceMs` for each, dealt by those who are active. */
export function slices(shares: readonly Share[], sliceMs: number): number[] {
  const plain = shares.map(({ active }) => Math.max(1, active));
  const sum = (weights: readonly number[]) => weights.reduce((total, weight) => total + weight, 0);
  const weights = plain.map((weight, i) =>
    shares[i]?.accessPoint ? Math.max(weight, AP_PREFERENCE * (sum(plain) - weight)) : weight,
  );
  const cycle = sliceMs * shares.length;
  return weights.map(weight => (cycle * weight) / sum(weights));
}

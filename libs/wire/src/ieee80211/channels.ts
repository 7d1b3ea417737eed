import { WireError } from '../wire-error';

/** The channels of 20 MHz that can be used here (IEEE 802.11-2020 annex E): 1 to 14, and those of 5 GHz. */
const CHANNELS_5_GHZ: readonly number[] = [
  36, 40, 44, 48, 52, 56, 60, 64, 100, 104, 108, 112, 116, 120, 124, 128, 132, 136, 140, 144, 149, 153, 157,
  161, 165,
];

/**
 * The middle of a channel in MHz: 1 → 2412, 36 → 5180.
 * @throws WireError when there is no such channel
 */
export function channelFrequency(channel: number): number {
  if (channel === 14) return 2484;
  if (Number.isInteger(channel) && channel >= 1 && channel <= 13) return 2407 + 5 * channel;
  if (CHANNELS_5_GHZ.includes(channel)) return 5000 + 5 * channel;
  throw new WireError(
    `there is no channel ${channel}; there are 1 to 14 and ${CHANNELS_5_GHZ.join(', ')}`,
    0,
  );
}

/** 2412 → 1; undefined when no channel of `channelFrequency` is there. */
export function frequencyChannel(freq: number): number | undefined {
  if (freq === 2484) return 14;
  const channel = (freq - (freq < 5000 ? 2407 : 5000)) / 5;
  if (freq < 5000) return Number.isInteger(channel) && channel >= 1 && channel <= 13 ? channel : undefined;
  return CHANNELS_5_GHZ.includes(channel) ? channel : undefined;
}

import { channelFrequency, frequencyChannel, wifiChannels } from './wifi';

describe('channels of Wi-Fi', () => {
  it('are at the frequencies of IEEE 802.11-2020, annex E, and back', () => {
    expect([1, 6, 13, 36, 100, 165].map(channelFrequency)).toEqual([2412, 2437, 2472, 5180, 5500, 5825]);
    for (const channel of wifiChannels) expect(frequencyChannel(channelFrequency(channel))).toBe(channel);
    expect(frequencyChannel(2484)).toBeUndefined();
    expect(frequencyChannel(5190)).toBeUndefined();
  });
});

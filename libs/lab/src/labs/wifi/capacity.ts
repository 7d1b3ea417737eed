import { acknowledgementTime, contentionWindow, difs, FCS_BYTES, frameTime, slotTime } from '@v3vee/wifi';
import { channelFrequency } from '@v3vee/contracts';

const RATE = 540;
/** 802.11 header of data without QoS, LLC/SNAP. */
const HEADERS = 24 + 8;
/** Header and MIC of CCMP (IEEE 802.11-2020, 12.5.3.2). */
const CCMP = 8 + 8;
const IP_PACKET = 1500;
/** IPv4 and UDP; IPv4 and TCP with timestamps, and such an acknowledgement, which Linux sends for every other segment. */
const UDP_HEADERS = 28;
const TCP_HEADERS = 52;

/**
 * What 802.11g carries at 54 Mbit/s when nothing is lost and somebody always has a frame to send, Mbit/s: DIFS, the
 * mean backoff, the frame, SIFS and acknowledgement for each (IEEE 802.11-2020 §10.3; the times are those of the air).
 */
export function capacity(
  channel: number,
  { isProtected }: { isProtected: boolean },
): { udp: number; tcp: number } {
  const freq = channelFrequency(channel);
  const backoff = (contentionWindow(0) / 2) * slotTime;
  const exchange = (packet: number) =>
    difs(freq) +
    backoff +
    frameTime(RATE, HEADERS + (isProtected ? CCMP : 0) + packet + FCS_BYTES, freq) +
    acknowledgementTime(RATE, freq);
  const mbit = (bytes: number, microseconds: number) => (bytes * 8) / microseconds;
  return {
    udp: mbit(IP_PACKET - UDP_HEADERS, exchange(IP_PACKET)),
    tcp: mbit(2 * (IP_PACKET - TCP_HEADERS), 2 * exchange(IP_PACKET) + exchange(TCP_HEADERS)),
  };
}

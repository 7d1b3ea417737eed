import { V3Error } from '@v3vee/contracts';
import {
  compileWlanFilter,
  nanoseconds,
  type CapturePublisher,
  type CaptureRequest,
  type CaptureSource,
} from '@v3vee/overlay';
import { Ieee80211Frame } from '@v3vee/wire';
import type { Air, Sniffed } from '../air';
import { systemClock, type Clock } from '../clock';
import { radiotapOf } from './radiotap-of';

/**
 * The air for captures: what antennas send and hear, as 802.11 frames behind radiotap headers.
 *
 * A frame is one record, however often it was tried; acknowledgements are none. What several antennas of one capture
 * hear is there once for each, told apart by radiotap's antenna field.
 */
export class AirTaps implements CaptureSource {
  constructor(
    private readonly air: Pick<Air, 'tap'>,
    private readonly clock: Clock = systemClock,
  ) {}

  feed({ place, filter, snapLength }: CaptureRequest, to: CapturePublisher): () => void {
    if (!place || !('antennas' in place)) {
      throw new V3Error('CAPTURE_POINT_NOT_FOUND', 'on the air frames are captured at antennas');
    }
    const { antennas, address } = place;
    const test = compileWlanFilter(filter);
    const origin = nanoseconds() - toNanoseconds(this.clock.now());
    const see = (sniffed: Sniffed, at: string, antenna: number): void => {
      const frame = Ieee80211Frame.read(sniffed.frame);
      const isSent = frame.transmitter === address;
      if (address !== null && !isSent && frame.receiver !== address) return;
      const outbound = address === null ? sniffed.from === at : isSent;
      if (!test({ frame, outbound })) return;
      const header = radiotapOf(sniffed, frame, at, antenna);
      const length = header.length + sniffed.frame.length;
      const kept = Math.min(length, snapLength);
      if (!to.admits(kept)) return;
      const bytes = new Uint8Array(length);
      bytes.set(header);
      bytes.set(sniffed.frame, header.length);
      to.add({
        time: origin + toNanoseconds(sniffed.time),
        direction: outbound ? 'out' : 'in',
        length,
        bytes: bytes.subarray(0, kept),
      });
    };
    const leave = antennas.map((at, antenna) => this.air.tap(sniffed => see(sniffed, at, antenna), at));
    return () => leave.forEach(each => each());
  }
}

const toNanoseconds = (ms: number): bigint => BigInt(Math.round(ms * 1e6));

import { completeChecksum, gsoTypes, SUPER_FRAME_ETHERNET, virtioNetFlags } from '@v3vee/wire';
import type { PacketDirection } from '@v3vee/wire';
import { nanoseconds } from './clock';
import type { Test } from './filter';
import type { CapturePublisher } from './publisher';
import type { Watcher } from './taps';

export interface CaptureOptions {
  filter: Test;
  /** Bytes kept of each frame. */
  snapLength: number;
  to: CapturePublisher;
}

/**
 * One capture at one tap: filters, cuts and stamps what it sees.
 *
 * Super-frames are captured as they are, as a host's tcpdump sees them when its card segments. A checksum that was
 * left to the receiver is completed in what is captured, so that it reads as it would on a wire.
 */
export class Capture implements Watcher {
  constructor(private readonly options: CaptureOptions) {}

  see(frames: readonly Uint8Array[], direction: PacketDirection): void {
    const { filter, snapLength, to } = this.options;
    const time = nanoseconds();
    const outbound = direction === 'out';
    for (const frame of frames) {
      if (frame.length <= SUPER_FRAME_ETHERNET) continue;
      if (!filter({ bytes: frame, start: SUPER_FRAME_ETHERNET, outbound })) continue;
      const length = frame.length - SUPER_FRAME_ETHERNET;
      const kept = Math.min(length, snapLength);
      if (!to.admits(kept)) continue;
      const bytes = finished(frame).subarray(SUPER_FRAME_ETHERNET, SUPER_FRAME_ETHERNET + kept);
      to.add({ time, direction, length, bytes });
    }
  }
}

/** The super-frame with its checksum in place. */
function finished(frame: Uint8Array): Uint8Array {
  if (((frame[0] as number) & virtioNetFlags.NEEDS_CSUM) === 0) return frame;
  let whole = frame;
  if (frame[1] !== gsoTypes.NONE) {
    // As one long packet, which is what its IP header says it is.
    whole = frame.slice();
    whole[1] = gsoTypes.NONE;
  }
  const complete = completeChecksum(whole);
  return complete === 'malformed' ? frame : complete;
}

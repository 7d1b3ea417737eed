import type { CaptureSession } from '@v3vee/client';
import {
  interfaceStatistics,
  pcapngBlocks,
  ETHERNET_LINK_TYPE,
  PcapngSplitter,
  readInterface,
  readPacket,
  readStatistics,
  type CapturedPacket,
  type CaptureStatistics,
  type PcapngBlock,
} from '@v3vee/wire';
import type { CaptureSink } from './capture-file';

export interface RecordingOptions {
  session: CaptureSession;
  sink?: CaptureSink;
  /** @param linkType what the packet begins with */
  onPacket?: (packet: CapturedPacket, linkType: number) => void;
  /** Packets after which it ends. */
  limit?: number;
}

export interface Recorded {
  packets: number;
  /** Packets that the filter accepted and that did not arrive. */
  dropped: number;
  /** Why the other side ended it; empty when it was ended here. */
  reason: string;
}

/**
 * Takes a capture to its end. The file is complete however that comes: the gateway's statistics come while it runs,
 * and the newest, with what was written here, become the last block.
 */
export async function record({
  session,
  sink,
  onPacket,
  limit = Infinity,
}: RecordingOptions): Promise<Recorded> {
  const splitter = new PcapngSplitter();
  let latest: CaptureStatistics | undefined;
  let packets = 0;
  let isDone = false;
  let linkType = ETHERNET_LINK_TYPE;
  const take = async (block: PcapngBlock): Promise<void> => {
    if (block.type === pcapngBlocks.INTERFACE_STATISTICS) {
      latest = readStatistics(block);
      return;
    }
    await sink?.write(block.bytes);
    if (block.type === pcapngBlocks.INTERFACE_DESCRIPTION) linkType = readInterface(block).linkType;
    if (block.type !== pcapngBlocks.ENHANCED_PACKET) return;
    packets++;
    onPacket?.(readPacket(block), linkType);
    if (packets >= limit) isDone = true;
  };
  const finish = async (): Promise<Recorded> => {
    const { dropped = 0, droppedOnTheWay = 0, comment = '' } = latest ?? {};
    const lost = dropped + droppedOnTheWay;
    await sink?.write(
      interfaceStatistics({
        interfaceId: 0,
        time: BigInt(Date.now()) * 1_000_000n,
        started: latest?.started,
        ended: BigInt(Date.now()) * 1_000_000n,
        accepted: packets + lost,
        dropped,
        droppedOnTheWay,
        delivered: packets,
        comment,
      }),
    );
    return { packets, dropped: lost, reason: isDone ? '' : comment };
  };
  try {
    for await (const chunk of session.stream) {
      for (const block of splitter.push(chunk)) if (!isDone) await take(block);
      if (isDone) break;
    }
  } catch (thrown) {
    session.stop();
    // What was cut off is still a whole file, unless it can't be written at all.
    await finish().catch(() => undefined);
    throw thrown;
  }
  session.stop();
  return finish();
}

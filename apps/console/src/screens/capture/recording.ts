import {
  describePacket,
  describeWlan,
  ETHERNET_LINK_TYPE,
  pcapngBlocks,
  PcapngSplitter,
  RADIOTAP_LINK_TYPE,
  readInterface,
  readPacket,
  readStatistics,
} from '@v3vee/wire';

export interface PacketRow {
  number: number;
  /** Seconds since the first one. */
  at: number;
  direction: 'in' | 'out';
  length: number;
  bytes: Uint8Array;
  text: string;
}

/** What is kept for the file, and of rows for the screen. */
const MOST_BYTES = 64 * 1024 * 1024;
const MOST_ROWS = 2_000;

export interface RecordingLimits {
  bytes: number;
  rows: number;
}

/** A capture as it comes: rows to look at, and the file to keep. Both are bounded. */
export class Recording {
  /** The latest, oldest first. */
  rows: readonly PacketRow[] = [];
  packets = 0;
  bytes = 0;
  /** What came, was accepted by the filter and got lost on the way. */
  dropped = 0;
  /** Why the other side ended it. */
  reason = '';
  private readonly splitter = new PcapngSplitter();
  private readonly blocks: Uint8Array[] = [];
  private linkType = ETHERNET_LINK_TYPE;
  private first: bigint | undefined;

  constructor(private readonly limits: RecordingLimits = { bytes: MOST_BYTES, rows: MOST_ROWS }) {}

  /** The file is full: nothing more is taken. */
  get isFull(): boolean {
    return this.bytes >= this.limits.bytes;
  }

  /** @throws WireError what came is no pcapng */
  push(chunk: Uint8Array): void {
    const rows: PacketRow[] = [];
    for (const block of this.splitter.push(chunk)) {
      if (this.isFull) break;
      this.blocks.push(block.bytes);
      this.bytes += block.bytes.length;
      if (block.type === pcapngBlocks.INTERFACE_DESCRIPTION) this.linkType = readInterface(block).linkType;
      if (block.type === pcapngBlocks.INTERFACE_STATISTICS) {
        const { dropped = 0, droppedOnTheWay = 0, comment } = readStatistics(block);
        this.dropped = dropped + droppedOnTheWay;
        if (comment) this.reason = comment;
      }
      if (block.type !== pcapngBlocks.ENHANCED_PACKET) continue;
      const { time, direction, length, bytes } = readPacket(block);
      this.first ??= time;
      const describe = this.linkType === RADIOTAP_LINK_TYPE ? describeWlan : describePacket;
      rows.push({
        number: ++this.packets,
        at: Number(time - this.first) / 1e9,
        direction,
        length,
        bytes,
        text: describe(bytes, length),
      });
    }
    if (rows.length > 0) this.rows = [...this.rows, ...rows].slice(-this.limits.rows);
  }

  /** pcapng, as Wireshark reads it. */
  file(): Blob {
    return new Blob(this.blocks as BlobPart[], { type: 'application/x-pcapng' });
  }
}

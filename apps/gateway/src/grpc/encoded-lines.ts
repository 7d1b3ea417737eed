import { toWire, type Json, type Rpc, type Wire } from '@v3vee/grpc';

/** How many messages are kept: what readers who are at about the same place of a watch are told. */
const KEPT = 64;
/** A longer line is encoded for each reader, so that what is kept is small; characters. */
const MAX_LINE = 16 * 1024;

/** JSON lines as messages of an RPC, in bytes. One that many readers are told is encoded once. */
export class EncodedLines {
  private readonly known = new Map<string, Buffer>();

  /** @param serialize of messages of that RPC */
  constructor(
    private readonly rpc: Rpc,
    private readonly serialize: (wire: Wire) => Buffer,
  ) {}

  of(line: string): Buffer {
    const known = this.known.get(line);
    if (known) return known;
    const bytes = this.serialize(toWire(this.rpc.response, JSON.parse(line) as Json));
    if (line.length > MAX_LINE) return bytes;
    const [oldest] = this.known.keys();
    if (this.known.size >= KEPT && oldest !== undefined) this.known.delete(oldest);
    this.known.set(line, bytes);
    return bytes;
  }
}

import { V3Error } from '@v3vee/contracts';

/** A message of mac80211_hwsim on its way between the guest it is of and the wifi service. */
export interface TaggedHwsim {
  vmId: string;
  /** Of the VM's owner: what carries an older one is stale. */
  epoch: number;
  message: Uint8Array;
}

/** `"V3" 0x0101` little endian: magic and version of this batch format. */
const MAGIC = 0x01013356;
const HEADER = 8;
/** In front of each message: `16 bytes VM id · u32 epoch · u32 length`. */
const ENTRY = 24;
const UUID_BYTES = 16;
/** Netlink buffers of the driver (NLMSG_DEFAULT_SIZE) are at most a page. */
export const MAX_HWSIM_BYTES = 4096;
/** As with Ethernet frames: larger messages than this are slower, not faster. */
const MAX_BATCH_BYTES = 24 * 1024;

/** Little endian: `u32 magic · u32 count · count × (16 bytes VM id · u32 epoch · u32 length · bytes)`. Messages are copied. */
export function encodeHwsimBatch(messages: readonly TaggedHwsim[]): Uint8Array {
  const length = messages.reduce((sum, { message }) => sum + ENTRY + message.length, HEADER);
  const bytes = Buffer.allocUnsafe(length);
  bytes.writeUInt32LE(MAGIC, 0);
  bytes.writeUInt32LE(messages.length, 4);
  let at = HEADER;
  for (const { vmId, epoch, message } of messages) {
    bytes.write(vmId.replaceAll('-', ''), at, UUID_BYTES, 'hex');
    bytes.writeUInt32LE(epoch, at + UUID_BYTES);
    bytes.writeUInt32LE(message.length, at + UUID_BYTES + 4);
    bytes.set(message, at + ENTRY);
    at += ENTRY + message.length;
  }
  // Not a Buffer: its `slice` would be a view.
  return new Uint8Array(bytes.buffer, bytes.byteOffset, length);
}

/**
 * The messages are views of `bytes`, not copied; what is in them is not looked at.
 * @throws V3Error INVALID_REQUEST where the batch is not one, with the offset
 */
export function decodeHwsimBatch(bytes: Uint8Array): TaggedHwsim[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEADER || buffer.readUInt32LE(0) !== MAGIC) throw malformed('no hwsim batch header', 0);
  const count = buffer.readUInt32LE(4);
  if (count > (bytes.length - HEADER) / ENTRY) throw malformed(`${count} messages can't fit`, 4);
  const messages: TaggedHwsim[] = [];
  let at = HEADER;
  for (let i = 0; i < count; i++) {
    if (at + ENTRY > bytes.length) throw malformed('the batch ends inside an entry', at);
    const vmId = formatUuid(buffer.toString('hex', at, at + UUID_BYTES));
    const epoch = buffer.readUInt32LE(at + UUID_BYTES);
    const length = buffer.readUInt32LE(at + UUID_BYTES + 4);
    const start = at + ENTRY;
    if (length > MAX_HWSIM_BYTES || start + length > bytes.length) {
      throw malformed(`a message of ${length} bytes is too long`, at + UUID_BYTES + 4);
    }
    messages.push({ vmId, epoch, message: bytes.subarray(start, start + length) });
    at = start + length;
  }
  if (at !== bytes.length) throw malformed('there are bytes after the last message', at);
  return messages;
}

/**
 * Collects messages per subject and publishes each subject's as one at the end of the event-loop tick: a burst becomes
 * one message, a lone one waits for nothing.
 */
export class HwsimSender {
  private readonly waiting = new Map<string, { messages: TaggedHwsim[]; bytes: number }>();
  private scheduled = false;

  constructor(private readonly bus: { publishRaw(subject: string, bytes: Uint8Array): void }) {}

  /** The message is kept until the end of the tick, then copied. */
  send(subject: string, tagged: TaggedHwsim): void {
    const bytes = ENTRY + tagged.message.length;
    let batch = this.waiting.get(subject);
    if (batch && batch.bytes + bytes > MAX_BATCH_BYTES) {
      this.bus.publishRaw(subject, encodeHwsimBatch(batch.messages));
      batch = undefined;
    }
    if (!batch) this.waiting.set(subject, (batch = { messages: [], bytes: HEADER }));
    batch.messages.push(tagged);
    batch.bytes += bytes;
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => this.flush());
  }

  flush(): void {
    this.scheduled = false;
    const batches = [...this.waiting];
    this.waiting.clear();
    for (const [subject, { messages }] of batches) this.bus.publishRaw(subject, encodeHwsimBatch(messages));
  }
}

const formatUuid = (hex: string): string =>
  `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;

function malformed(what: string, offset: number): V3Error {
  return new V3Error('INVALID_REQUEST', `hwsim batch: ${what} (offset ${offset})`);
}

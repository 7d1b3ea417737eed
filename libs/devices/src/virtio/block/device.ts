import { DeviceFault, type Metrics } from '../../platform';
import { Chain, gather, scatter } from '../queue';
import type { VirtioDevice, VirtioHost } from '../transport/device';
import { emptyBlockMetrics } from './metrics';
import * as reg from './registers';
import { BlockFeature, RequestStatus, RequestType, SECTOR_BYTES } from './registers';
import { BLOCK_STATE_VERSION, checkBlockState, type BlockState } from './state';

/** Where the bytes of a disk are. Whatever else it throws is an I/O error to the guest. */
export interface BlockBackend {
  read(offset: number, into: Uint8Array): void;
  /** @throws {NoSpace} when there is no room for it now */
  write(offset: number, from: Uint8Array): void;
  /** What was written before is durable when it returns. @throws {NoSpace} */
  flush(): void;
}

/** The host has no room for what the guest writes: the guest may go on when there is. */
export class NoSpace extends Error {}

export interface BlockOptions {
  /** A multiple of 512. */
  bytes: number;
  readOnly: boolean;
  /** What the guest sees as its serial number; at most 20 characters. */
  serial: string;
  /** A request waits because the host has no room: the guest is to stand still until {@link VirtioBlock.resume}. */
  stalled(reason: string): void;
}

const QUEUE_SIZE = 128;
const PREFERRED_BLOCK = 4096;
/** Linux asks for 1 MiB and a quarter at a time. */
const MAX_REQUEST_BYTES = 16 << 20;
const ZEROES = new Uint8Array(64 << 10);

/**
 * A virtio disk (virtio 1.2, section 5.2). Each request is carried out when the guest makes it available, by the thread
 * that runs the guest: none is ever in flight. Those that can't be stay in the ring, in order: while there is no
 * backend, and while the host has no room.
 */
export class VirtioBlock implements VirtioDevice {
  readonly type = 2;
  readonly classCode = 0x018000;
  readonly features: readonly number[];
  readonly queueSizes = [QUEUE_SIZE];
  readonly configSize = reg.CONFIG_BYTES;

  private host!: VirtioHost;
  private backend: BlockBackend | undefined;
  private isStalled = false;
  private readonly config: Uint8Array;
  private readonly chain = new Chain();
  private readonly counters = emptyBlockMetrics();

  constructor(private readonly options: BlockOptions) {
    const { segMax, blockSize, flush, writeZeroes, readOnly } = BlockFeature;
    this.features = [segMax, blockSize, flush, options.readOnly ? readOnly : writeZeroes];
    this.config = reg.blockConfig(this.sectors, PREFERRED_BLOCK);
  }

  attach(host: VirtioHost): void {
    this.host = host;
  }

  readConfig(offset: number): number {
    return this.config[offset]!;
  }

  /** Its bytes are to be had from now on, or no more. What waits is carried out by {@link resume}. */
  plug(backend: BlockBackend | undefined): void {
    this.backend = backend;
  }

  /** Carries out what waits, before the guest goes on. */
  resume(): void {
    this.isStalled = false;
    this.serve();
  }

  start(): void {}

  notify(): void {
    if (!this.isStalled) this.serve();
  }

  reset(): void {
    this.isStalled = false;
  }

  private serve(): void {
    const { host, chain, backend } = this;
    const queue = host.queue(0);
    if (!backend || !host.running || !queue.enabled) return;
    for (let pending = queue.pending(); pending > 0; pending--) {
      queue.pop(chain);
      try {
        queue.push(chain.head, this.carryOut(backend));
      } catch (thrown) {
        if (!(thrown instanceof NoSpace)) throw thrown;
        queue.unpop(1);
        this.isStalled = true;
        this.counters.stalls++;
        this.options.stalled(thrown.message);
        break;
      }
    }
    queue.wantNotification(true);
    if (queue.publish()) host.interrupt();
  }

  /** @returns bytes written into the guest's buffers. @throws {NoSpace} and nothing was answered */
  private carryOut(backend: BlockBackend): number {
    const { chain, host } = this;
    if (chain.readableBytes < reg.HEADER_BYTES || chain.writableBytes < 1) {
      const has = `${chain.readableBytes} bytes to read and ${chain.writableBytes} to write`;
      throw new DeviceFault(
        host.name,
        `a request of ${has}; it needs a header of ${reg.HEADER_BYTES} and a status`,
      );
    }
    const header = new DataView(gather(host.memory, chain, reg.HEADER_BYTES).buffer);
    const sector = Number(header.getBigUint64(8, true));
    let written = 0;
    let status: number = RequestStatus.ok;
    try {
      written = this.execute(backend, header.getUint32(0, true), sector);
    } catch (thrown) {
      if (thrown instanceof NoSpace || thrown instanceof DeviceFault) throw thrown;
      if (thrown instanceof Refused) this.counters.refused++;
      else this.counters.hostErrors++;
      status = thrown instanceof Refused ? thrown.status : RequestStatus.ioError;
    }
    scatter(host.memory, this.lastByte(), Uint8Array.of(status));
    return written + 1;
  }

  private execute(backend: BlockBackend, type: number, sector: number): number {
    const { chain, counters, options } = this;
    switch (type) {
      case RequestType.read: {
        const length = chain.writableBytes - 1;
        this.requireInside(sector, length);
        let offset = sector * SECTOR_BYTES;
        this.eachSegment(chain.readable, chain.count, 0, length, part => {
          backend.read(offset, part);
          offset += part.length;
        });
        counters.readRequests++;
        counters.readBytes += length;
        return length;
      }
      case RequestType.write: {
        const length = chain.readableBytes - reg.HEADER_BYTES;
        this.requireWritable();
        this.requireInside(sector, length);
        let offset = sector * SECTOR_BYTES;
        this.eachSegment(0, chain.readable, reg.HEADER_BYTES, length, part => {
          backend.write(offset, part);
          offset += part.length;
        });
        counters.writeRequests++;
        counters.writeBytes += length;
        return 0;
      }
      case RequestType.flush:
        backend.flush();
        counters.flushes++;
        return 0;
      case RequestType.getId: {
        const id = new Uint8Array(Math.min(reg.ID_BYTES, chain.writableBytes - 1));
        id.set(new TextEncoder().encode(options.serial).subarray(0, id.length));
        return scatter(this.host.memory, chain, id);
      }
      case RequestType.writeZeroes:
        this.requireWritable();
        this.writeZeroes(backend);
        return 0;
      default:
        throw new Refused(RequestStatus.unsupported);
    }
  }

  private writeZeroes(backend: BlockBackend): void {
    const { chain } = this;
    if (chain.readableBytes !== reg.HEADER_BYTES + reg.ZEROES_BYTES) throw new Refused();
    const all = gather(this.host.memory, chain);
    const range = new DataView(all.buffer, reg.HEADER_BYTES);
    const sectors = range.getUint32(8, true);
    const sector = Number(range.getBigUint64(0, true));
    if (sectors > reg.MAX_ZEROES_SECTORS) throw new Refused();
    const length = sectors * SECTOR_BYTES;
    this.requireInside(sector, length);
    for (let at = 0; at < length; at += ZEROES.length) {
      backend.write(sector * SECTOR_BYTES + at, ZEROES.subarray(0, Math.min(ZEROES.length, length - at)));
    }
    this.counters.writeRequests++;
    this.counters.writeBytes += length;
  }

  /** The guest's memory behind `length` bytes of some of the chain's buffers, from `skip`. */
  private eachSegment(
    first: number,
    end: number,
    skip: number,
    length: number,
    visit: (part: Uint8Array) => void,
  ): void {
    const { chain, host } = this;
    for (let i = first; i < end && length > 0; i++) {
      const available = chain.length[i]!;
      const from = Math.min(skip, available);
      const part = Math.min(available - from, length);
      skip -= from;
      if (part === 0) continue;
      const address = chain.address[i]! + from;
      if (first === chain.readable) host.memory.markDirty(address, address + part);
      visit(host.memory.bytes().subarray(address, address + part));
      length -= part;
    }
  }

  /** Of what the device writes: where the status goes. */
  private lastByte(): Chain {
    const { chain } = this;
    let last = chain.count - 1;
    while (chain.length[last] === 0) last--;
    chain.address[last] = chain.address[last]! + chain.length[last]! - 1;
    chain.length[last] = 1;
    chain.readable = last;
    return chain;
  }

  private requireInside(sector: number, length: number): void {
    const inside =
      length % SECTOR_BYTES === 0 &&
      length <= MAX_REQUEST_BYTES &&
      sector + length / SECTOR_BYTES <= this.sectors;
    if (!inside) throw new Refused();
  }

  private requireWritable(): void {
    if (this.options.readOnly) throw new Refused();
  }

  private get sectors(): number {
    return this.options.bytes / SECTOR_BYTES;
  }

  save(): BlockState {
    return { version: BLOCK_STATE_VERSION, sectors: this.host.running ? this.sectors : 0 };
  }

  restore(saved: unknown): void {
    checkBlockState(this.host.name, saved, this.sectors);
    this.isStalled = false;
  }

  metrics(): Metrics {
    return { ...this.counters, stalled: this.isStalled ? 1 : 0 };
  }
}

/** An answer to a request that the guest should not have made. */
class Refused extends Error {
  constructor(readonly status: number = RequestStatus.ioError) {
    super();
  }
}

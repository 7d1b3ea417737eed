import { withFcs } from '../ethernet/fcs';
import type { Accepted, Core } from './core';
import { checkReceived, finishTransmit, takeTag } from './offload';
import { Cpcr, Desc, DESC_LENGTH, Isr, Poll, RING_MAX, RxDesc, TxDesc } from './registers';

/**
 * C+ mode: rings of descriptors in guest memory (C+ datasheet, chapter 8). A descriptor is
 * `[status and length][VLAN][address low][address high]`, four double words; the one marked end of ring, or the
 * 64th, is followed by the first.
 */

const HIGH = 2 ** 32;
/** Longest packet that a chain of transmit descriptors may be: 64 KiB of IP and its Ethernet header. */
const MAX_PACKET = 0x10000 + 18;
/** Frames after which the transmitter lets the guest go on; the rest follows at the next {@link continueTransmit}. */
const FRAMES_PER_TURN = 64;

interface Descriptor {
  at: number;
  opts1: number;
  opts2: number;
  address: number;
}

function readDescriptor(core: Core, register: string, base: number, index: number): Descriptor | undefined {
  const at = base + DESC_LENGTH * index;
  const bytes = new Uint8Array(DESC_LENGTH);
  if (!core.dma.read(register, at, bytes)) return undefined;
  const view = new DataView(bytes.buffer);
  const address = view.getUint32(8, true) + view.getUint32(12, true) * HIGH;
  return { at, opts1: view.getUint32(0, true), opts2: view.getUint32(4, true), address };
}

function writeStatus(core: Core, register: string, at: number, ...words: number[]): boolean {
  const bytes = new Uint8Array(4 * words.length);
  const view = new DataView(bytes.buffer);
  words.forEach((word, i) => view.setUint32(4 * i, word >>> 0, true));
  return core.dma.write(register, at, bytes);
}

const after = (index: number, { opts1 }: Descriptor): number =>
  opts1 & Desc.endOfRing || index === RING_MAX - 1 ? 0 : index + 1;

// transmission

const QUEUES = [
  { poll: Poll.high, register: 'THPDS', word: 2, next: 'txHigh' },
  { poll: Poll.normal, register: 'TNPDS', word: 0, next: 'txNormal' },
] as const;

type Queue = (typeof QUEUES)[number];

/** What TPPoll asked for and was not done at once: a bounded part of it per call, the high priority queue first. */
export function continueTransmit(core: Core): void {
  for (const queue of QUEUES) {
    if (!(core.regs.polled & queue.poll)) continue;
    if (!core.transmits || !core.plusTransmits || transmitQueue(core, queue)) core.regs.polled &= ~queue.poll;
  }
}

/** @returns false if there may be more to send */
function transmitQueue(core: Core, queue: Queue): boolean {
  const { tsad } = core.memory;
  const base = tsad[queue.word]! + tsad[queue.word + 1]! * HIGH;
  let sent = 0;
  for (let budget = RING_MAX; budget > 0 && sent < FRAMES_PER_TURN;) {
    const chain = readChain(core, queue.register, base, core.regs[queue.next]);
    if (chain === 'unreachable') {
      core.signal(Isr.systemError);
      return true;
    }
    if (chain === 'not-ours') {
      core.signal(Isr.noTransmit);
      return true;
    }
    budget -= chain.length;
    const frames = sendChain(core, queue.register, chain);
    sent += frames;
    const status = frames > 0 ? 0 : TxDesc.error;
    // the descriptor's own bits stay, and the length, which drivers read back
    const kept = Desc.endOfRing | Desc.first | Desc.last | TxDesc.lengthMask;
    core.regs[queue.next] = chain.reduce(after, core.regs[queue.next]);
    if (!chain.every(({ at, opts1 }) => writeStatus(core, queue.register, at, (opts1 & kept) | status))) {
      core.signal(Isr.systemError);
      return true;
    }
    if (frames > 0) core.memory.tallies.txOk += frames;
    else core.memory.tallies.txError++;
    core.signal(frames > 0 ? Isr.transmitted : Isr.transmitError);
  }
  return false;
}

/** The descriptors of one packet. A chain that never ends is cut off after a whole ring, to be refused as a packet. */
function readChain(
  core: Core,
  register: string,
  base: number,
  start: number,
): Descriptor[] | 'not-ours' | 'unreachable' {
  const chain: Descriptor[] = [];
  for (let index = start; chain.length < RING_MAX;) {
    const descriptor = readDescriptor(core, register, base, index);
    if (!descriptor) return 'unreachable';
    if (!(descriptor.opts1 & Desc.own)) return 'not-ours';
    chain.push(descriptor);
    if (descriptor.opts1 & Desc.last) break;
    index = after(index, descriptor);
  }
  return chain;
}

/** Sends the packet that the descriptors hold: how many frames it became, 0 if it was refused. */
function sendChain(core: Core, register: string, chain: Descriptor[]): number {
  const { counters } = core;
  const lengths = chain.map(({ opts1 }) => opts1 & TxDesc.lengthMask);
  const total = lengths.reduce((sum, length) => sum + length, 0);
  const first = chain[0]!;
  const whole = first.opts1 & Desc.first && chain.at(-1)!.opts1 & Desc.last && total <= MAX_PACKET;
  const data = new Uint8Array(whole ? total : 0);
  let at = 0;
  const read = chain.every(({ address }, i) => {
    if (!whole) return false;
    const part = data.subarray(at, (at += lengths[i]!));
    return core.dma.read(`${register} buffer`, address, part);
  });
  if (whole && !read) core.signal(Isr.systemError);
  const frames = read ? finishTransmit(data, first.opts1, first.opts2) : undefined;
  if (!frames) {
    counters.txDropped++;
    return 0;
  }
  if (first.opts1 & TxDesc.largeSend) counters.txLargeSends++;
  else if (first.opts1 & (TxDesc.ipChecksum | TxDesc.tcpChecksum | TxDesc.udpChecksum))
    counters.txChecksums++;
  const refused = frames.filter(frame => core.send(frame) !== 'sent').length;
  return frames.length - refused;
}

// reception

/** Stores a frame and its check sequence in the next descriptors' buffers, in as many as it takes. */
export function storeInDescriptors(core: Core, accepted: Accepted): void {
  const { regs } = core;
  const { frame, opts2 } =
    regs.cpcr & Cpcr.vlan ? takeTag(accepted.frame) : { frame: accepted.frame, opts2: 0 };
  const stored = withFcs(frame);
  const found = receiveBuffers(core, stored.length);
  if (found === 'too-few') return core.missed();
  const writable = (descriptor: Descriptor, length: number) =>
    core.dma.mayWrite('RDSAR', descriptor.at, 8) &&
    core.dma.mayWrite('RDSAR buffer', descriptor.address, length);
  if (found === 'unreachable' || !found.every(([descriptor, length]) => writable(descriptor, length))) {
    return core.receiveAborted();
  }
  const status = statusOf(core, accepted, frame);
  let at = 0;
  found.forEach(([descriptor, length], i) => {
    const isLast = i === found.length - 1;
    const marks = (i === 0 ? Desc.first : 0) | (isLast ? Desc.last | status | stored.length : length);
    core.dma.write('RDSAR buffer', descriptor.address, stored.subarray(at, (at += length)));
    writeStatus(core, 'RDSAR', descriptor.at, (descriptor.opts1 & Desc.endOfRing) | marks, opts2);
  });
  regs.rxCurrent = found.reduce((index, [descriptor]) => after(index, descriptor), regs.rxCurrent);
  core.received(accepted);
}

/** Whether the next descriptor is the card's; true where it cannot be looked at. */
export function descriptorReady(core: Core): boolean {
  const at = core.regs.rdsar + core.regs.rdsarHigh * HIGH + DESC_LENGTH * core.regs.rxCurrent;
  const opts1 = core.dma.peek('RDSAR', at, 4);
  return opts1 === undefined || (opts1[3]! & (Desc.own >>> 24)) !== 0;
}

/** The next descriptors, each with the bytes that it gets of `length`. */
function receiveBuffers(
  core: Core,
  length: number,
): [descriptor: Descriptor, length: number][] | 'too-few' | 'unreachable' {
  const base = core.regs.rdsar + core.regs.rdsarHigh * HIGH;
  const found: [Descriptor, number][] = [];
  for (let index = core.regs.rxCurrent; length > 0;) {
    const descriptor = readDescriptor(core, 'RDSAR', base, index);
    if (!descriptor) return 'unreachable';
    if (!(descriptor.opts1 & Desc.own)) return 'too-few';
    const part = Math.min(length, descriptor.opts1 & RxDesc.lengthMask);
    found.push([descriptor, part]);
    length -= part;
    index = after(index, descriptor);
    // once round, or round a part of the ring that the current descriptor is not in
    if (length > 0 && (index === core.regs.rxCurrent || found.length === RING_MAX)) return 'too-few';
  }
  return found;
}

function statusOf(core: Core, { kind, runt }: Accepted, frame: Uint8Array): number {
  const checksums = core.regs.cpcr & Cpcr.checksum ? checkReceived(frame) : 0;
  return RxDesc[kind] | (runt ? RxDesc.error | RxDesc.runt : 0) | checksums;
}

import assert from 'node:assert/strict';
import { MAX_SEGMENTS } from '@v3vee/wire';
import { DeviceFault, type Metrics, type PciFunction } from '../platform';
import { ETHERNET_HEADER, MAX_LINE_FRAME } from './line';
import { TestLine, testMemory, random } from '../virtio/testing';
import { Ne2000 } from '../ne2000/device';
import type { DmaAccess } from '../pci/bus-master';
import { Rtl8139 } from '../rtl8139/device';
import { BROADCAST, ethernetFrame, MAC_A, MAC_B, MULTICAST, TestWire } from './testing';

/**
 * Random sequences against network cards, each decided by a seed: accesses as a driver makes them, mixed with ones
 * that no driver makes, frames from the segment and time.
 */

export interface Card extends PciFunction {
  receive(frame: Uint8Array): void;
  setLink(up: boolean): void;
}

export interface Rig {
  card: Card;
  line: TestLine;
  wire: TestWire;
  memory: ReturnType<typeof testMemory>;
  violations: DmaAccess[];
  time: number;
}

const MEMORY = 64 << 10;

export const RIGS: Record<string, (mac?: Uint8Array) => Rig> = {
  ne2000: (mac = MAC_A) => rig((wire, line) => new Ne2000('card', { mac, line: wire }, line)),
  rtl8139c: (mac = MAC_A) => rig((...parts) => rtl8139('C', mac, ...parts)),
  'rtl8139c+': (mac = MAC_A) => rig((...parts) => rtl8139('C+', mac, ...parts)),
};

function rig(make: (wire: TestWire, line: TestLine, rig: Rig) => Card): Rig {
  const wire = new TestWire();
  const line = new TestLine();
  const made = { line, wire, memory: testMemory(MEMORY), violations: [], time: 0 } as unknown as Rig;
  made.card = make(wire, line, made);
  return made;
}

const rtl8139 = (model: 'C' | 'C+', mac: Uint8Array, wire: TestWire, line: TestLine, to: Rig): Rtl8139 =>
  new Rtl8139(
    'card',
    { mac, model, line: wire, now: () => to.time, onDmaViolation: access => void to.violations.push(access) },
    to.memory,
    line,
  );

/** One thing that happens to a card. The same action on equal cards must have the same effect. */
export type Action = (rig: Rig) => unknown;

type Next = (limit: number) => number;

/** Registers that decide much, with the values that drivers write there. */
const TELLING: Record<string, readonly [offset: number, size: number, values: readonly number[]][]> = {
  ne2000: [
    [0x00, 1, [0x21, 0x22, 0x26, 0x0a, 0x12, 0x1a, 0x62, 0xa2, 0xe2]],
    [0x01, 1, [0x4c, 0x46]],
    [0x02, 1, [0x80, 0x60]],
    [0x03, 1, [0x7f, 0x4c, 0x50]],
    [0x04, 1, [0x40]],
    [0x05, 1, [60, 0xff]],
    [0x06, 1, [0, 1, 5]],
    [0x07, 1, [0xff, 0x4c]],
    [0x09, 1, [0, 0x40, 0x4c, 0x7f]],
    [0x0a, 1, [4, 60]],
    [0x0b, 1, [0, 1]],
    [0x0c, 1, [0x04, 0x1f, 0x20]],
    [0x0d, 1, [0, 2, 4]],
    [0x0e, 1, [0x48, 0x49]],
    [0x0f, 1, [0x3f, 0]],
    [0x10, 4, [0x12345678]],
    [0x18, 1, [0]],
  ],
  rtl8139: [
    [0x10, 4, [60, 1000, 0x83c]],
    [0x14, 4, [60, 2000]],
    [0x18, 4, [60]],
    [0x1c, 4, [60]],
    [0x20, 4, [0x1000, 0xffc0, 0x20000]],
    [0x24, 4, [0, 0x1800]],
    [0x30, 4, [0x4000, 0xf000]],
    [0x37, 1, [0x10, 0x0c, 0x0c, 0x0c, 0x08, 0x04]],
    [0x38, 2, [0xfff0, 0x0100, 0x1ff0]],
    [0x3c, 2, [0xffff, 0]],
    [0x3e, 2, [0xffff]],
    [0x40, 4, [0x03000600, 0x03060600, 0x03010600]],
    [0x44, 4, [0xa78f, 0x80f, 0x1f]],
    [0x48, 4, [0]],
    [0x50, 1, [0x00, 0xc0, 0x80, 0x88, 0x8c, 0x8a, 0x8e, 0x40]],
    [0x54, 4, [33000]],
    [0x62, 2, [0x3100, 0x8000]],
    [0xd9, 1, [0x40, 0x80, 0xc1]],
    [0xe0, 2, [0x63, 0x03, 0x00]],
    [0xe4, 4, [0x2000, 0x2400, 0xff00]],
    [0xe8, 4, [0]],
  ],
};

/** A sequence of actions, made before it is run so that it can be run twice. */
export function actions(kind: string, seed: number, count: number): Action[] {
  const next = random(seed);
  const telling = TELLING[kind === 'ne2000' ? kind : 'rtl8139']!;
  const size = kind === 'ne2000' ? 0x20 : 0x100;
  return Array.from({ length: count }, () => action(next, telling, size));
}

function action(next: Next, telling: (typeof TELLING)[string], bars: number): Action {
  const choice = next(100);
  if (choice < 45) {
    const [offset, size, values] = telling[next(telling.length)]!;
    const value = values[next(values.length)]!;
    return ({ card }) => card.write(offset, size, value);
  }
  const size = 1 << next(3);
  const offset = next(bars);
  const value = next(2) ? next(256) : next(2 ** 32) % 2 ** (8 * size);
  if (choice < 60) return ({ card }) => card.write(offset, size, value);
  if (choice < 75) return ({ card }) => card.read(offset, size);
  if (choice < 88) {
    const frame = ethernetFrame([MAC_A, MAC_B, BROADCAST, MULTICAST][next(4)]!, 14 + next(1505), next(256));
    return ({ card }) => card.receive(frame);
  }
  if (choice < 95) return descriptors(next);
  const up = next(4) > 0;
  return made => {
    made.time += 1;
    made.card.poll?.();
    if (value < 16) made.card.setLink(up);
  };
}

/** Half plausible descriptors of C+ mode somewhere in memory. */
function descriptors(next: Next): Action {
  const at = [0x1000, 0x2000, 0x2400][next(3)]! + 16 * next(4);
  const marks = [0x80000000, 0xb0000000, 0xa0000000, 0x90000000, 0xc0000000, 0xf0000000, 0x30000000][
    next(7)
  ]!;
  const offload = [0, 0x70000, 0x0d000000, 0x08010000][next(4)]!;
  const length = [0, 60, 600, 1536, 9000][next(5)]!;
  const address = next(8) ? next(MEMORY) : next(2 ** 32);
  const opts2 = next(2) ? 0 : 0x2002a;
  const high = next(20) ? 0 : 1;
  return ({ memory }) => {
    const view = memory.view();
    view.setUint32(at, (marks | offload | length) >>> 0, true);
    view.setUint32(at + 4, opts2, true);
    view.setUint32(at + 8, address, true);
    view.setUint32(at + 12, high, true);
  };
}

/** What an action led to: its result, or the reason of a fault. Anything else that is thrown goes on. */
export function outcome(made: Rig, act: Action): unknown {
  try {
    return act(made);
  } catch (thrown) {
    if (thrown instanceof DeviceFault) return thrown.reason;
    throw thrown;
  }
}

/** Frames that one action may send: two queues' turns, each ending with a large send. */
const MAX_FRAMES = 2 * (64 + MAX_SEGMENTS);

/** Runs a sequence against a card and checks after each action what must always hold. */
export function attack(
  kind: string,
  seed: number,
  count: number,
): { sent: number; faults: number; violations: number; metrics: Metrics } {
  const rig = RIGS[kind]!();
  let faults = 0;
  for (const act of actions(kind, seed, count)) {
    const before = rig.wire.sent.length;
    if (typeof outcome(rig, act) === 'string') faults++;
    assert.ok(rig.wire.sent.length - before <= MAX_FRAMES, 'one action sends without end');
  }
  for (const { length } of rig.wire.sent) {
    assert.ok(
      length >= ETHERNET_HEADER && length <= MAX_LINE_FRAME,
      `a frame of ${length} bytes on the segment`,
    );
  }
  for (const { address, length } of rig.violations) {
    assert.ok(address + length > MEMORY, 'a transfer inside of memory is reported');
  }
  rig.card.restore(structuredClone(rig.card.save()));
  const { sent } = rig.wire;
  return { sent: sent.length, faults, violations: rig.violations.length, metrics: rig.card.metrics() };
}

/** Runs a sequence, saves, restores into another card and runs a second sequence on both: no difference may show. */
export function compareTwins(kind: string, seed: number, count: number): void {
  const rig = RIGS[kind]!();
  for (const act of actions(kind, seed, count)) outcome(rig, act);
  const copy = twin(kind, rig);
  assert.deepEqual(copy.card.save(), rig.card.save());
  assert.equal(copy.line.up, rig.line.up);
  rig.wire.sent.length = rig.violations.length = 0;
  for (const act of actions(kind, seed + 1_000_000, count)) {
    assert.equal(outcome(copy, act), outcome(rig, act));
    assert.equal(copy.line.up, rig.line.up);
  }
  assert.deepEqual(copy.card.save(), rig.card.save());
  assert.deepEqual(copy.wire.sent, rig.wire.sent);
  assert.deepEqual(copy.violations, rig.violations);
  assert.equal(Buffer.compare(copy.memory.bytes(), rig.memory.bytes()), 0);
}

/** A second rig with the same card and the same memory, made through a saved state. */
function twin(kind: string, { card, memory, time }: Rig): Rig {
  const made = RIGS[kind]!(MAC_B);
  made.time = time;
  made.memory.bytes().set(memory.bytes());
  made.card.restore(structuredClone(card.save()));
  return made;
}

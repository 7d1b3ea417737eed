import { actions, outcome } from '@v3vee/devices/src/ethernet/cards.fixture';
import { BROADCAST, ethernetFrame } from '@v3vee/devices/src/ethernet/testing';
import { random } from '@v3vee/devices/src/virtio/testing';
import { TestVmm } from './vmm.fixture';
import type { Rtl8139Variant } from './state';

/** Test kit: guests that use their card. Memory: transmit buffers or rings from 0x1000 on, reception at 0x2000. */

const TX = 0x1000;
const HIGH_TX = 0x1800;
const RX_RING = 0x1400;
const BUFFER = 0x8000;

/** Starts C mode as 8139too does. @param length code of the receive buffer's length in RCR */
export function startC(vmm: TestVmm, length = 0): void {
  vmm.write(0x37, 1, 0x10);
  vmm.write(0x30, 4, 0x2000);
  vmm.write(0x37, 1, 0x0c);
  vmm.write(0x44, 4, 0x8f | (length << 11));
  vmm.write(0x40, 4, 0x03000600);
  for (let n = 0; n < 4; n++) vmm.write(0x20 + 4 * n, 4, TX + 0x400 * n);
}

/** Starts C+ mode as 8139cp does, with 64 descriptors in each ring; all of the receive ring is the card's. */
export function startPlus(vmm: TestVmm): void {
  vmm.write(0x37, 1, 0x10);
  vmm.write(0xe0, 2, 3);
  const rings = [
    [0xe4, RX_RING],
    [0x20, TX],
    [0x28, HIGH_TX],
  ] as const;
  for (const [register, ring] of rings) {
    vmm.write(register, 4, ring);
    vmm.write(register + 4, 4, 0);
    for (let i = 0; i < 64; i++) descriptor(vmm, ring, i, register === 0xe4 ? 0x80000600 : 0, BUFFER);
  }
  vmm.write(0x37, 1, 0x0c);
  vmm.write(0x44, 4, 0x0f);
}

function descriptor({ memory }: TestVmm, ring: number, i: number, opts1: number, address: number): void {
  const view = memory.view();
  view.setUint32(ring + 16 * i, opts1, true);
  view.setUint32(ring + 16 * i + 4, 0, true);
  view.setUint32(ring + 16 * i + 8, address, true);
  view.setUint32(ring + 16 * i + 12, 0, true);
}

/** Sends by descriptor `n` of the normal or the high priority ring. */
export function sendPlus(vmm: TestVmm, n: number, high = false): void {
  descriptor(vmm, high ? HIGH_TX : TX, n % 64, 0xb0000000 | 60, BUFFER);
  vmm.write(0xd9, 1, high ? 0x80 : 0x40);
}

/** A driver's beginning and its traffic, which random accesses seldom hit upon. */
export function traffic(vmm: TestVmm, seed: number): void {
  const next = random(seed);
  const plus = vmm.variant === 'rtl8139c+' && next(3) > 0;
  startC(vmm, next(3));
  if (plus) startPlus(vmm);
  const sent = [0, 0];
  const count = next(70);
  const read = next(40);
  for (let i = 0; i < count; i++) {
    if (next(2)) vmm.receive(ethernetFrame(BROADCAST, 60 + next(1400), i));
    else if (plus) {
      const queue = next(3) ? 0 : 1;
      sendPlus(vmm, sent[queue]!++, queue === 1);
    } else vmm.write(0x10 + 4 * (sent[0]!++ & 3), 4, 0x80000 | (14 + next(1600)));
    if (i === read) vmm.write(0x38, 2, (vmm.read(0x3a, 2) - 16) & 0xffff);
  }
}

/** A guest that has used its card for a while, in every way that there is. */
export function user(variant: Rtl8139Variant, seed: number, count: number): TestVmm {
  const vmm = new TestVmm(variant);
  const next = random(seed);
  for (const act of actions('rtl8139', seed, count)) {
    if (next(60) === 0) traffic(vmm, next(1e9));
    outcome(vmm, act);
  }
  if (next(2)) traffic(vmm, next(1e9));
  return vmm;
}

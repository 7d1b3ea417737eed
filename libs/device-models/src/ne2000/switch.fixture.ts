import assert from 'node:assert/strict';
// eslint-disable-next-line @nx/enforce-module-boundaries -- the cards' test kit is no part of what the library offers
import { actions, outcome } from '../../../devices/src/ethernet/cards.fixture';
// eslint-disable-next-line @nx/enforce-module-boundaries -- see above
import { MAC_A, MAC_B } from '../../../devices/src/ethernet/testing';
import { readTallies, vmmRig, type VmmRig } from './vmm.fixture';

/** RSR is compared by itself: it is virtual until the next acknowledgement, whatever comes in before. */
const HIDDEN = ['RSR'];
const ROUNDS = 3;

export const run = (rig: VmmRig, seed: number, count: number): void => {
  for (const act of actions('ne2000', seed, count)) outcome(rig, act);
};

/** As a driver's self test does: the FIFO holds what a loopback leaves, not the zeros of a new card. */
export function loopBack({ card }: VmmRig): void {
  for (const [offset, value] of [
    ...[
      [0x00, 0x21],
      [0x0d, 0x02],
      [0x04, 0x45],
      [0x05, 60],
      [0x06, 0],
      [0x00, 0x26],
    ],
    ...[
      [0x07, 0xff],
      [0x0d, 0x00],
    ],
  ] as const) {
    card.write(offset, 1, value);
  }
}

/** A card with what another guest left in it. */
export function usedCard(seed: number): VmmRig {
  const rig = vmmRig(MAC_B, HIDDEN);
  run(rig, seed, 150);
  return rig;
}

/** What sequences reached: a comparison that met nothing would say nothing. */
export const nothingSeen = () => ({
  compared: 0,
  forced: 0,
  interrupts: 0,
  running: 0,
  sent: 0,
  /** "Send packet" under way without a header that says where it ends. */
  approximate: 0,
  /** Sequences that ended early: see {@link TestVmm.doubtful}. */
  doubtful: 0,
});

/**
 * A guest works and is switched to other cards in between, where other guests were; its twin has a card of its own all
 * the time. No difference may show, but those that `context.ts` names.
 */
export function compareSwitched(seed: number, seen: ReturnType<typeof nothingSeen>): void {
  const twin = vmmRig(MAC_A, HIDDEN);
  let guest = vmmRig(MAC_A, HIDDEN);
  for (const rig of [guest, twin]) {
    loopBack(rig);
    run(rig, seed, 20 + (seed % 150));
  }
  for (let round = 0; round < ROUNDS; round++) {
    const other = usedCard(100_000 + ROUNDS * seed + round);
    readTallies(guest);
    readTallies(twin);
    if (guest.card.reusable !== true) seen.forced++;
    switchTo(other, guest, twin);
    guest = other;
    if (isApproximate(guest, twin)) return void seen.approximate++;
    assert.deepEqual(guest.card.visible(), twin.card.visible());
    assert.equal(guest.card.lineUp, twin.card.lineUp);
    if (twin.card.lineUp) seen.interrupts++;
    if (!(twin.silicon.read(0, 1) & 1)) seen.running++;

    twin.wire.sent.length = guest.wire.sent.length = 0;
    for (const act of actions('ne2000', 10_000 + ROUNDS * seed + round, 80)) {
      assert.equal(outcome(guest, act), outcome(twin, act));
      assert.equal(guest.card.lineUp, twin.card.lineUp);
      if (guest.card.doubtful) return void seen.doubtful++;
      seen.compared++;
    }
    assert.deepEqual(guest.wire.sent, twin.wire.sent);
    seen.sent += guest.wire.sent.length;
  }
  assert.deepEqual(guest.card.visible(), twin.card.visible());
}

/** Moves a guest to another card, and checks that the segment and the machine notice nothing of it. */
function switchTo(other: VmmRig, guest: VmmRig, twin: VmmRig): void {
  const before = [guest, other].map(({ line, wire }) => [line.raised, wire.sent.length]);
  const context = guest.card.takeContext();
  other.silicon.setMac(MAC_A);
  other.silicon.setLink(twin.silicon.save().registers.link === 1);
  other.card.putContext(context);
  assert.deepEqual(
    [guest, other].map(({ line, wire }) => [line.raised, wire.sent.length]),
    before,
  );
  assert.ok(!guest.line.up && !other.line.up);
}

function isApproximate(guest: VmmRig, twin: VmmRig): boolean {
  const [found, expected] = [guest.card.visible(), twin.card.visible()];
  if ((expected.registers.cr & 0x38) !== 0x18 || (found.registers.cr & 0x38) !== 0x08) return false;
  const registers = { ...expected.registers, cr: found.registers.cr, sendNext: 0 };
  assert.deepEqual(found, { ...expected, registers });
  return true;
}

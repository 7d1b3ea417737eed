import type { CardModel } from '@v3vee/contracts';
import { FuzzBench, STOPPED } from './testing/card-fuzz.fixture';
import { DRIVERS } from './testing/segment.fixture';

/**
 * A fuzzing driver in a real guest, at a card that another guest shares and at one of its own. Only a guest that does what
 * no card has an answer for is stopped, with the reason; whoever shares the card goes on.
 */

const COUNT = 5_000;
const [SHARER, OTHER, ALONE] = [0, 1, 2];

describe.each(Object.keys(DRIVERS) as CardModel[])('a %s under a fuzzing driver', model => {
  const isNe2000 = model === 'ne2000';
  let bench: FuzzBench;
  beforeAll(async () => {
    bench = await FuzzBench.start(model);
  });
  afterAll(() => bench?.stop());

  it.each([
    ['beside the kernel’s, shared', SHARER, { seed: 1, bound: true }],
    ['in place of the kernel’s, shared', SHARER, { seed: 2, bound: false }],
    // The NE2000 has a port that resets it: else it would never be long in any state.
    ['that resets it seldom, shared', SHARER, { seed: 3, bound: false, window: isNe2000 ? 0x18 : 0x70 }],
  ])('%s', async (_, index, fuzz) => {
    expect(await bench.trial(index, { count: COUNT, aligned: true, ...fuzz })).toBeUndefined();
  });

  // Without the DMM, what the driver has the card do is done, or is the end of its guest.
  it.each([
    ['passed through', ALONE, { seed: 4, aligned: true, bound: false }],
    ['that straddles registers, passed through', ALONE, { seed: 5, aligned: false, bound: true }],
    ['that straddles registers, shared', OTHER, { seed: 6, aligned: false, bound: false }],
  ])('%s', async (_, index, fuzz) => {
    const stopped = await bench.trial(index, { count: COUNT, ...fuzz });
    // Registers of the NE2000 are no double words: an access to its last one and to the data port is neither's.
    if (isNe2000 && !fuzz.aligned) expect(stopped).toMatch(/straddles/);
    if (stopped !== undefined) expect(stopped).toMatch(STOPPED);
  });

  it.each([
    ['passed through', ALONE],
    ['shared', SHARER],
  ])('that runs past the end of the window ends its guest and no other, %s', async (_, index) => {
    expect(await bench.overrun(index)).toMatch(/-0: access of 2 bytes at 0x[0-9a-f]+ runs past its end$/);
  });
});

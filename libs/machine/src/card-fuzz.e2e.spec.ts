import type { CardModel } from '@v3vee/contracts';
import { FuzzBench, STOPPED } from './testing/card-fuzz.fixture';
import { DRIVERS } from './testing/segment.fixture';

/**
 * A fuzzing driver in a real guest, at a card that another guest shares and at one of its own. Only a guest that does what
 * no card has an answer for is stopped, with the reason; whoever shares the card goes on. `card-fuzz.soak.spec.ts` has all
 * combinations.
 */

const COUNT = 3_000;
const [SHARER, ALONE] = [0, 2];

describe.each(Object.keys(DRIVERS) as CardModel[])('a %s under a fuzzing driver', model => {
  const isNe2000 = model === 'ne2000';
  let bench: FuzzBench;
  beforeAll(async () => {
    bench = await FuzzBench.start(model);
  });
  afterAll(() => bench?.stop());

  it('in place of the kernel’s, shared; by its memory where it has one', async () => {
    // The NE2000 has a port that resets it: else it would never be long in any state.
    const window = isNe2000 ? 0x18 : 0x70;
    const fuzz = { seed: 3, count: COUNT, aligned: true, bound: false, window, mapped: !isNe2000 };
    expect(await bench.trial(SHARER, fuzz)).toBeUndefined();
  });

  // Without the DMM, what the driver has the card do is done, or is the end of its guest.
  it('that straddles registers beside the kernel’s, passed through', async () => {
    const stopped = await bench.trial(ALONE, { seed: 5, count: COUNT, aligned: false, bound: true });
    // Registers of the NE2000 are no double words: an access to its last one and to the data port is neither's.
    if (isNe2000) expect(stopped).toMatch(/straddles/);
    if (stopped !== undefined) expect(stopped).toMatch(STOPPED);
  });

  it('that runs past the end of the window ends its guest and no other', async () => {
    expect(await bench.overrun(SHARER)).toMatch(/-0: access of 2 bytes at 0x[0-9a-f]+ runs past its end$/);
  });
});

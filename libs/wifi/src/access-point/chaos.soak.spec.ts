import { Chaos } from './testing/chaos.fixture';

const MINUTES = Number(process.env.V3_SOAK_MINUTES ?? 10);
const SEED = Number(process.env.V3_SOAK_SEED ?? Date.now() % 1_000_000);

describe('an access point among stations that do anything, for long', () => {
  it(`keeps its promises for ${MINUTES} minutes from seed ${SEED}`, () => {
    const end = Date.now() + MINUTES * 60_000;
    let runs = 0;
    for (let seed = SEED; Date.now() < end || runs === 0; seed++, runs++) {
      const chaos = new Chaos(seed, seed % 4 !== 0);
      try {
        for (let i = 0; i < 5_000; i++) chaos.step();
        chaos.settle();
      } catch (thrown) {
        throw new Error(`seed ${seed}: ${(thrown as Error).message}`, { cause: thrown });
      }
    }
    console.log(`${runs} runs of 5000 steps, from seed ${SEED}`);
  });
});

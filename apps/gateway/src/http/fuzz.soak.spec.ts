import { RestFuzz } from '../testing/rest-fuzz.fixture';

const MINUTES = Number(process.env.V3_SOAK_MINUTES ?? 10);
const SEED = Number(process.env.V3_SOAK_SEED ?? Date.now() % 1_000_000);
/** Of a gateway: what was taken piles up in it. */
const RUNS = 1_000;

describe('hostile requests to every address, for long', () => {
  it(
    `are refused in order, change nothing and harm nobody for ${MINUTES} minutes from seed ${SEED}`,
    async () => {
      const end = Date.now() + MINUTES * 60_000;
      let gateways = 0;
      for (let seed = SEED; Date.now() < end || gateways === 0; seed++, gateways++) {
        const fuzz = await RestFuzz.start();
        try {
          await fuzz.run(seed, RUNS);
        } catch (thrown) {
          throw new Error(`seed ${seed}: ${(thrown as Error).message}`, { cause: thrown });
        } finally {
          await fuzz.stop();
        }
      }
      console.log(`${gateways} gateways, ${RUNS} each, from seed ${SEED}`);
    },
    (MINUTES + 10) * 60_000,
  ); // the fixtures set less
});

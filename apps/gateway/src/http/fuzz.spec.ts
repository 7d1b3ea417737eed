import { RestFuzz } from '../testing/rest-fuzz.fixture';

const RUNS = 300;
/** The same each time; the soak has others. */
const SEED = Number(process.env.V3_FUZZ_SEED ?? 1);

describe('hostile requests to every address', () => {
  let fuzz: RestFuzz;
  beforeAll(async () => {
    fuzz = await RestFuzz.start();
  });
  afterAll(() => fuzz?.stop());

  it(`are refused in order, change nothing and harm nobody (V3_FUZZ_SEED=${SEED})`, async () => {
    await fuzz.run(SEED, RUNS);
  });
});

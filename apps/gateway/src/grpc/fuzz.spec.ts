import { GrpcFuzz } from '../testing/grpc-fuzz.fixture';

const RUNS = 300;
/** The same each time; the soak has others. */
const SEED = Number(process.env.V3_FUZZ_SEED ?? 1);

describe('hostile calls of every RPC', () => {
  let fuzz: GrpcFuzz;
  beforeAll(async () => {
    fuzz = await GrpcFuzz.start();
  });
  afterAll(() => fuzz?.stop());

  it(`end with a status, change nothing and harm nobody (V3_FUZZ_SEED=${SEED})`, async () => {
    await fuzz.run(SEED, RUNS);
  });
});

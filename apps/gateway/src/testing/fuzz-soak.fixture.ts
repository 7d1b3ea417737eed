const MINUTES = Number(process.env.V3_SOAK_MINUTES ?? 10);
const SEED = Number(process.env.V3_SOAK_SEED ?? Date.now() % 1_000_000);
/** Of a gateway: what was taken piles up in it. */
const RUNS = 1_000;

interface Fuzz {
  run(seed: number, numRuns: number): Promise<void>;
  stop(): Promise<void>;
}

/** The test of so many minutes, a gateway and a seed after another. */
export function fuzzingFor(what: string, start: () => Promise<Fuzz>): void {
  const soak = async () => {
    const end = Date.now() + MINUTES * 60_000;
    let gateways = 0;
    for (let seed = SEED; Date.now() < end || gateways === 0; seed++, gateways++) {
      const fuzz = await start();
      try {
        await fuzz.run(seed, RUNS);
      } catch (thrown) {
        throw new Error(`seed ${seed}: ${(thrown as Error).message}`, { cause: thrown });
      } finally {
        await fuzz.stop();
      }
    }
    process.stderr.write(`${gateways} gateways, ${RUNS} each, from seed ${SEED}\n`);
  };
  // The other fixtures set a shorter limit.
  it(`${what} for ${MINUTES} minutes from seed ${SEED}`, soak, (MINUTES + 10) * 60_000);
}

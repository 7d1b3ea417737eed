import type { CardModel } from '@v3vee/contracts';
import { FuzzBench, STOPPED } from './testing/card-fuzz.fixture';
import { DRIVERS } from './testing/segment.fixture';

/** The promises of `card-fuzz.e2e.spec.ts` with seeds of the day. V3_SOAK_MINUTES per card, 10 by default. */
const MINUTES = Number(process.env.V3_SOAK_MINUTES ?? 10);
const COUNT = 20_000;

it.each(Object.keys(DRIVERS) as CardModel[])(
  `%s stands ${MINUTES} minutes of a fuzzing driver`,
  async model => {
    const end = Date.now() + MINUTES * 60_000;
    let bench: FuzzBench | undefined;
    for (let seed = Date.now() % 2 ** 31; Date.now() < end; seed++) {
      bench ??= await FuzzBench.start(model);
      const index = seed % 3;
      const fuzz = { seed, count: COUNT, aligned: (seed & 4) > 0, bound: (seed & 8) > 0, mapped: false };
      fuzz.mapped = model !== 'ne2000' && !fuzz.bound && (seed & 16) > 0;
      try {
        const stopped = await bench.trial(index, fuzz);
        if (stopped === undefined) continue;
        expect(stopped).toMatch(STOPPED);
      } catch (cause) {
        await bench.stop();
        throw new Error(`guest ${index}, ${JSON.stringify(fuzz)}`, { cause });
      }
      await bench.stop();
      bench = undefined;
    }
    await bench?.stop();
  },
  (MINUTES + 5) * 60_000,
);

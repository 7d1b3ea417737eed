import { attack, compareTwins, RIGS } from './cards.fixture';

/** The promises of `cards.spec.ts` with seeds of the day. V3_SOAK_MINUTES per card, 10 by default. */
const MINUTES = Number(process.env.V3_SOAK_MINUTES ?? 10);

it.each(Object.keys(RIGS))(
  `%s stands ${MINUTES} minutes of random accesses`,
  kind => {
    const end = Date.now() + MINUTES * 60_000;
    for (let seed = Date.now() % 2 ** 31; Date.now() < end; seed++) {
      try {
        attack(kind, seed, 2000);
        compareTwins(kind, seed, 500);
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error });
      }
    }
  },
  (MINUTES + 5) * 60_000,
);

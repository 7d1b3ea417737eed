import {
  attackControl,
  attackHeaders,
  attackOverlap,
  attackRegisters,
  attackRings,
  blockKit,
  consoleKit,
  hwsimKit,
  netKit,
  rngKit,
} from './hostile.fixture';

/**
 * The attacks of hostile.spec.ts with ever new seeds. `V3_SOAK_MINUTES=2 ./v3 test --soak hostile` for a shorter one,
 * `V3_SOAK_SEED` for the seed that a failure printed.
 */
const MINUTES = Number(process.env.V3_SOAK_MINUTES ?? 30);
const SEED = Number(process.env.V3_SOAK_SEED ?? Date.now() >>> 0);

const attacks: Record<string, (seed: number) => unknown> = {
  'rings of a network card': seed => attackRings(netKit, seed),
  'rings of a console': seed => attackRings(consoleKit, seed),
  'overlapping rings of a network card': seed => attackOverlap(netKit, seed),
  'overlapping rings of a console': seed => attackOverlap(consoleKit, seed),
  'rings of a disk': seed => attackRings(blockKit, seed),
  'overlapping rings of a disk': seed => attackOverlap(blockKit, seed),
  'registers of a disk': seed => attackRegisters(blockKit, seed),
  'rings of an entropy source': seed => attackRings(rngKit, seed),
  'rings of a Wi-Fi medium': seed => attackRings(hwsimKit, seed),
  'overlapping rings of a Wi-Fi medium': seed => attackOverlap(hwsimKit, seed),
  'registers of a Wi-Fi medium': seed => attackRegisters(hwsimKit, seed),
  'registers of a network card': seed => attackRegisters(netKit, seed),
  'registers of a console': seed => attackRegisters(consoleKit, seed),
  'control commands': attackControl,
  headers: attackHeaders,
};

it(
  `holds against a hostile driver for ${MINUTES} minutes`,
  () => {
    const end = Date.now() + MINUTES * 60_000;
    let seed = SEED;
    for (; Date.now() < end; seed = (seed + 1) >>> 0) {
      for (const [name, attack] of Object.entries(attacks)) {
        const began = performance.now();
        try {
          attack(seed);
        } catch (thrown) {
          throw new Error(`attack on ${name} with seed ${seed}`, { cause: thrown });
        }
        // work without end would show here; a ring of 16 is done in a few milliseconds
        if (performance.now() - began > 10_000)
          throw new Error(`attack on ${name}, seed ${seed}: 10 s of work`);
      }
    }
    process.stdout.write(`seeds ${SEED} to ${seed}\n`);
  },
  (MINUTES + 5) * 60_000,
);

import {
  arbitraryCommand,
  checkReadOrRefused,
  hostileText,
  mulberry32,
  restyle,
} from './testing/vnet-language.fixture';
import { formatCommand, parseVnetLanguage } from './vnet-language';

const ROUNDS = 1_000_000;

/** `V3_SEED=n` repeats a run. */
const seed = Number(process.env.V3_SEED ?? Date.now() % 0x1_0000_0000);

it(`the VNET language, seed ${seed}: what is written is read, and hostile text is read or refused`, () => {
  const random = mulberry32(seed);
  for (let round = 0; round < ROUNDS; round++) {
    const command = arbitraryCommand(random);
    const [read] = parseVnetLanguage(restyle(formatCommand(command), random));
    const { at: _, ...again } = read ?? { at: undefined };
    if (JSON.stringify(again) !== JSON.stringify(command))
      throw new Error(`round ${round}: ${formatCommand(command)}`);
    const text = hostileText(random);
    try {
      checkReadOrRefused(text);
    } catch (cause) {
      throw new Error(`round ${round}: ${JSON.stringify(text)}`, { cause });
    }
  }
});

/**
 * A process that writes states, removes old ones and collects all the time. Tells each digest that it has written, after
 * which it keeps it for two rounds more, and at the word `stop` which ones it has left. Arguments: folder, owner, seed.
 */
import { PageStore } from '../page-store';
import { equal, PAGES_PER_MIB, random, stateOf } from './states.fixture';

async function churn(folder: string, owner: string, seed: number): Promise<void> {
  const store = await PageStore.open({ folder, owner });
  const next = random(seed);
  const contents = Array.from({ length: PAGES_PER_MIB }, () => 1 + next(300));
  const mine: string[] = [];
  let going = true;
  process.once('message', () => (going = false));
  for (let round = 0; going; round++) {
    for (let n = 0; n < 30; n++) contents[next(PAGES_PER_MIB)] = 1 + next(300);
    const state = stateOf([...contents], { nicCount: seed });
    const { digest } = await store.write(state);
    if (!equal(await store.read(digest), state)) throw new Error(`${digest} is not what was written`);
    mine.push(digest);
    if (mine.length > 3) await store.remove(mine.shift() as string);
    await store.collect();
    for (const each of mine) await store.read(each);
    process.send?.({ round, mine });
    await new Promise(setImmediate);
  }
  process.send?.({ left: mine });
  process.disconnect();
}

const [folder, owner, seed] = process.argv.slice(2) as [string, string, string];
churn(folder, owner, Number(seed)).catch((thrown: unknown) => {
  process.stderr.write(`${(thrown as Error).stack}\n`);
  process.exit(1);
});

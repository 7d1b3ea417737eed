import { PageStore } from './page-store';
import { damaged } from './testing/exports.fixture';
import { drain, random, range, stateOf, stream, temporaryFolders, tree } from './testing/states.fixture';

const folders = temporaryFolders();

it('no damage to an export gets into a store', async () => {
  const source = await PageStore.open({ folder: await folders.make(), owner: 'alpha' });
  const folder = await folders.make();
  const target = await PageStore.open({ folder, owner: 'beta' });
  await target.write(stateOf(range(40)));
  const before = await tree(folder);
  const { digest } = await source.write(stateOf([...range(30), ...range(60, 500), 0, 1]));
  const file = await drain(source.exportTo(digest, Buffer.from('label')));
  /** `V3_SEED=n` repeats a run. */
  const seed = Number(process.env.V3_SEED ?? Date.now() % 0x1_0000_0000);
  const next = random(seed);
  for (let n = 0; n < 20_000; n++) {
    let bytes = file;
    for (let damages = 1 + next(3); damages > 0; damages--)
      bytes = damaged(bytes.length ? bytes : file, next);
    if (bytes.equals(file)) continue;
    await expect(target.importFrom(stream(bytes, 1 + next(100_000)))).rejects.toMatchObject({
      code: 'STATE_INVALID',
    });
    if (n % 100 === 0) expect(await tree(folder)).toEqual(before);
  }
  expect(await target.importFrom(stream(file))).toBe(digest);
});

import { mkdir, mkdtemp, readFile, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createFolder,
  explainDiskError,
  replaceFolder,
  removeLeftOvers,
  requireSpace,
  writeFileAtomic,
} from './files';

let folder: string;
beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'v3-files-'))));
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('writeFileAtomic', () => {
  it('replaces a file, with its mode, and leaves nothing else behind', async () => {
    const file = join(folder, 'deep/er/file');
    await writeFileAtomic(file, 'old');
    await writeFileAtomic(file, 'new', 0o600);
    expect(await readFile(file, 'utf8')).toBe('new');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readdir(join(folder, 'deep/er'))).toEqual(['file']);
  });

  it('keeps the old content and leaves no part behind when it fails', async () => {
    await mkdir(join(folder, 'is-a-folder'));
    await expect(writeFileAtomic(join(folder, 'is-a-folder'), 'x')).rejects.toThrow();
    expect(await readdir(folder)).toEqual(['is-a-folder']);
  });
});

describe('folders that appear whole', () => {
  const put = (text: string) => (target: string) => writeFile(join(target, 'content'), text);

  it('does not replace a folder unless it is asked to', async () => {
    const target = join(folder, 'target');
    await createFolder(target, put('first'));
    await expect(createFolder(target, put('second'))).rejects.toMatchObject({ code: 'ENOTEMPTY' });
    expect(await readFile(join(target, 'content'), 'utf8')).toBe('first');
    await replaceFolder(target, put('third'));
    expect(await readFile(join(target, 'content'), 'utf8')).toBe('third');
    expect(await readdir(folder)).toEqual(['target']);
  });

  it('leaves the old folder and no part of the new one when filling fails', async () => {
    const target = join(folder, 'target');
    await createFolder(target, put('first'));
    const fail = async (path: string) => {
      await put('half')(path);
      throw new Error('interrupted');
    };
    await expect(replaceFolder(target, fail)).rejects.toThrow('interrupted');
    expect(await readFile(join(target, 'content'), 'utf8')).toBe('first');
    expect(await readdir(folder)).toEqual(['target']);
  });
});

describe('removeLeftOvers', () => {
  it('removes what a dead process left, and nothing else', async () => {
    const dead = 2 ** 22 + 1; // above the largest pid of Linux
    const kept = ['kept', `young.${dead}-00000000.tmp`, `running.${process.pid}-00000000.tmp`, 'other.tmp'];
    for (const name of [...kept, `old.${dead}-0123abcd.tmp`]) await mkdir(join(folder, name));
    const hour = 3_600_000;
    await utimes(join(folder, `old.${dead}-0123abcd.tmp`), 0, 0);
    await removeLeftOvers(folder);
    expect((await readdir(folder)).sort()).toEqual(kept.sort());
    await removeLeftOvers(folder, Date.now() + 2 * hour);
    expect((await readdir(folder)).sort()).toEqual(kept.filter(name => !name.startsWith('young')).sort());
    await removeLeftOvers(join(folder, 'nowhere'));
  });
});

describe('disk errors', () => {
  it('says how much space is missing, and where', async () => {
    const error = requireSpace(folder, 2 ** 60, 'V3_CACHE_DIR');
    await expect(error).rejects.toMatchObject({ code: 'STORAGE_FULL' });
    await expect(error).rejects.toThrow(
      /MiB of space left and \d+ MiB are needed: free some, or set V3_CACHE_DIR/,
    );
    await expect(requireSpace(folder, 1, 'V3_CACHE_DIR')).resolves.toBeUndefined();
  });

  it('explains a full disk and a folder that may not be written', () => {
    const failure = (code: string) => Object.assign(new Error(code), { code });
    expect(explainDiskError(failure('ENOSPC'), '/cache', 'V3_CACHE_DIR')).toMatchObject({
      code: 'STORAGE_FULL',
    });
    expect(explainDiskError(failure('EACCES'), '/cache', 'V3_CACHE_DIR')).toMatchObject({
      code: 'SETUP_FAILED',
      message: expect.stringContaining('/cache cannot be written (EACCES)'),
    });
    const other = failure('EIO');
    expect(explainDiskError(other, '/cache', 'V3_CACHE_DIR')).toBe(other);
  });
});

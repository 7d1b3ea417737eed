import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fetchPackages, fetchWithDependencies, readDependencies, unpackPackages } from './debian-packages';
import { findProgram } from './run';

/**
 * A real apt against a repository of our own, so that the tests need no network and know every byte.
 * Where there is no apt (macOS, other distributions) nothing of this can run.
 */
const onDebian = findProgram('apt-get') && findProgram('dpkg-deb') ? describe : describe.skip;

let folder: string;
let repository: string;
let cache: string;
let aptArgs: string[];
let withoutApt: NodeJS.ProcessEnv;

/** Builds a package and returns its stanza for the repository's index. */
function makePackage(
  name: string,
  options: { architecture?: string; content?: string; depends?: string } = {},
): string {
  const { architecture = 'i386', content = 'content', depends = '' } = options;
  const root = join(folder, 'source', name);
  mkdirSync(join(root, 'DEBIAN'), { recursive: true });
  mkdirSync(join(root, 'usr/share'), { recursive: true });
  writeFileSync(join(root, 'usr/share', name), content);
  const fields = [
    `Package: ${name}`,
    'Version: 1:1.0-1',
    `Architecture: ${architecture}`,
    'Maintainer: nobody <nobody@localhost>',
  ];
  if (depends) fields.push(`Depends: ${depends}`);
  writeFileSync(join(root, 'DEBIAN/control'), `${fields.join('\n')}\nDescription: test\n`);
  const file = `${name}_1.0-1_${architecture}.deb`;
  execFileSync('dpkg-deb', ['--root-owner-group', '-b', root, join(repository, file)], { stdio: 'ignore' });
  const data = readFileSync(join(repository, file));
  const sha256 = createHash('sha256').update(data).digest('hex');
  return `${fields.join('\n')}\nFilename: ./${file}\nSize: ${data.length}\nSHA256: ${sha256}\nDescription: test\n`;
}

function publish(stanzas: string[]): void {
  const index = `${stanzas.join('\n')}\n`;
  writeFileSync(join(repository, 'Packages'), index);
  const sha256 = createHash('sha256').update(index).digest('hex');
  writeFileSync(
    join(repository, 'Release'),
    `Suite: bookworm\nCodename: bookworm\nArchitectures: i386\nSHA256:\n ${sha256} ${index.length} Packages\n`,
  );
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'v3-packages-'));
  repository = join(folder, 'repository');
  cache = join(folder, 'cache');
  mkdirSync(repository);
  writeFileSync(join(folder, 'sources.list'), `deb [trusted=yes] file:${repository} ./\n`);
  aptArgs = [`-oDir::Etc::sourcelist=${folder}/sources.list`, '-oDir::Etc::sourceparts=/dev/null'];
  mkdirSync(join(folder, 'bin'));
  withoutApt = { ...process.env, PATH: join(folder, 'bin') };
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const tool = { name: 'tool', architecture: 'i386', suite: 'bookworm' } as const;
const data = { name: 'data', architecture: 'i386', suite: 'bookworm' } as const;

onDebian('fetchPackages', () => {
  it('fetches, verifies, unpacks and reads the dependencies of packages of a foreign architecture', async () => {
    publish([
      makePackage('tool', { depends: 'data (>= 1), libc6:any | libc6.1' }),
      makePackage('data', { architecture: 'all' }),
    ]);
    const anywhere = { name: 'data', suite: 'bookworm' };
    const packages = await fetchPackages([tool, anywhere], { cache, aptArgs });
    expect(packages).toMatchObject([
      { name: 'tool', version: '1:1.0-1', architecture: 'i386' },
      { name: 'data', version: '1:1.0-1', architecture: 'all' },
    ]);
    await unpackPackages(packages, join(folder, 'tree'));
    expect(readdirSync(join(folder, 'tree/usr/share')).sort()).toEqual(['data', 'tool']);
    expect(await readDependencies(packages[0]!)).toEqual(['data', 'libc6']);
  });

  it('fetches all that a package depends on, whatever is installed, but for what is left out', async () => {
    const dependent = { architecture: 'all' };
    publish([
      makePackage('tool', { ...dependent, depends: 'library' }),
      makePackage('library', { ...dependent, depends: 'data, other' }),
      makePackage('data', dependent),
      makePackage('other', dependent),
      makePackage('unrelated', dependent),
    ]);
    const packages = await fetchWithDependencies({ name: 'tool' }, ['other'], { cache, aptArgs });
    expect(packages.map(({ name }) => name).sort()).toEqual(['data', 'library', 'tool']);
    await expect(fetchWithDependencies({ name: 'none' }, [], { cache, aptArgs })).rejects.toMatchObject({
      code: 'SETUP_FAILED',
      message: expect.stringContaining('none'),
    });
  });

  it('uses what it fetched before without apt and without the network', async () => {
    publish([makePackage('tool')]);
    const first = await fetchPackages([tool], { cache, aptArgs });
    rmSync(repository, { recursive: true });
    expect(await fetchPackages([tool], { cache, aptArgs, env: withoutApt })).toEqual(first);
  });

  it('fetches anew what was damaged in the cache', async () => {
    publish([makePackage('tool')]);
    const [first] = await fetchPackages([tool], { cache, aptArgs });
    const good = readFileSync(first!.path);
    writeFileSync(first!.path, 'damaged');
    const [second] = await fetchPackages([tool], { cache, aptArgs });
    expect(second).toEqual(first);
    expect(readFileSync(second!.path)).toEqual(good);
  });

  it('refuses a package that does not have the hash of the index', async () => {
    publish([makePackage('tool')]);
    makePackage('tool', { content: 'something else, put there after the index was made' });
    await expect(fetchPackages([tool], { cache, aptArgs })).rejects.toMatchObject({ code: 'SETUP_FAILED' });
    expect(readdirSync(join(cache, 'packages'))).toEqual([]);
  });

  it('names what the sources do not have, and the remedy', async () => {
    publish([makePackage('tool')]);
    const missing = fetchPackages([tool, data], { cache, aptArgs, remedy: 'Do this instead.' });
    await expect(missing).rejects.toMatchObject({
      code: 'SETUP_FAILED',
      message:
        "this machine's apt sources do not have data:i386 of Debian's release bookworm. Do this instead.",
    });
    const other = { ...tool, suite: 'sid' };
    await expect(fetchPackages([other], { cache, aptArgs, remedy: 'Do this instead.' })).rejects.toThrow(
      "do not have tool:i386 of Debian's release sid. Do this instead.",
    );
  });

  it('looks at the sources again when they were changed after the last look', async () => {
    publish([makePackage('tool')]);
    await fetchPackages([tool], { cache, aptArgs });
    publish([makePackage('tool'), makePackage('data')]);
    await expect(fetchPackages([data], { cache, aptArgs })).resolves.toMatchObject([{ name: 'data' }]);
  });

  it('tells an unreachable source from a missing package', async () => {
    writeFileSync(join(folder, 'sources.list'), 'deb [trusted=yes] http://127.0.0.1:9/ ./\n');
    const args = [...aptArgs, '-oAcquire::Retries=0'];
    await expect(fetchPackages([tool], { cache, aptArgs: args, remedy: 'Not this.' })).rejects.toThrow(
      /cannot be fetched: .*Could not connect to 127\.0\.0\.1:9.*Check the network/,
    );
  });

  it('says so where there is no apt', async () => {
    const error = fetchPackages([tool], { cache, aptArgs, env: withoutApt, remedy: 'Do this instead.' });
    await expect(error).rejects.toThrow(
      'apt-get and dpkg-deb are needed to fetch Debian packages, and this machine does not have them. Do this instead.',
    );
    symlinkSync('/bin/true', join(folder, 'bin/apt-get'));
    await expect(fetchPackages([tool], { cache, aptArgs, env: withoutApt })).rejects.toThrow(
      /does not have them/,
    );
  });

  it('refuses a mirror that is no address', async () => {
    await expect(fetchPackages([tool], { cache, mirror: 'not a mirror' })).rejects.toThrow(
      '"not a mirror" is not the address of a Debian mirror; it looks like https://HOST/debian',
    );
    const env = { ...process.env, V3_DEBIAN_MIRROR: 'ftp:nowhere' };
    await expect(fetchPackages([tool], { cache, env })).rejects.toThrow('"ftp:nowhere" is not the address');
  });

  it('lets two set-ups of one cache fetch at the same time', async () => {
    publish([makePackage('tool'), makePackage('data')]);
    const both = await Promise.all([
      fetchPackages([tool, data], { cache, aptArgs }),
      fetchPackages([data, tool], { cache, aptArgs }),
    ]);
    expect(both[0]).toEqual([...both[1]].reverse());
    const manifest = JSON.parse(readFileSync(join(cache, 'packages/manifest.json'), 'utf8')) as {
      packages: object;
    };
    expect(Object.keys(manifest.packages).sort()).toEqual(['data:i386@bookworm', 'tool:i386@bookworm']);
  });
});

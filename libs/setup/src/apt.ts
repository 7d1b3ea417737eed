import { existsSync } from 'node:fs';
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { V3Error } from '@v3vee/contracts';
import { sha256, touch } from './files';
import { findProgram, run, type RunResult } from './run';

/** A package to fetch. `architecture` is the machine's own where it is left out. */
export interface PackageRequest {
  name: string;
  architecture?: 'i386';
  /** Debian release the package must come from, e.g. `bookworm`; any configured release where it is left out. */
  suite?: string;
}

/** What apt's signed index says of a package's newest version. */
export interface IndexedPackage {
  name: string;
  version: string;
  architecture: string;
  file: string;
  size: number;
  sha256: string;
}

export interface AptOptions {
  /** Folder for apt's lists and caches. */
  folder: string;
  /** Use this Debian mirror instead of the machine's own sources. */
  mirror?: string;
  env?: NodeJS.ProcessEnv;
  /** More apt options, e.g. `-oAcquire::http::Proxy=…`. */
  extraArgs?: readonly string[];
  /** What a user can do who cannot have these packages; a sentence that ends every error. */
  remedy: string;
}

const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
/** The release that a mirror is asked for: the one whose kernel guests run. */
const mirrorRelease = 'bookworm';
/** An index this young is used without asking the network again. */
const indexLifetimeMs = 3_600_000;

/** Indexes that this process has refreshed, completely or not: once is enough. */
const updatedByUs = new Set<string>();

/** Longer than a slow network takes; apt waits for ever in some failures (a full disk among them). */
const timeoutMs = 30 * 60_000;

/**
 * The machine's own apt with lists, caches and status of our own: needs no root, changes nothing on the machine, and
 * trusts exactly what the machine trusts (its sources and keyrings).
 */
export class Apt {
  private readonly home: string;
  private readonly stamp: string;
  private readonly env: NodeJS.ProcessEnv;
  private updateProblem = '';

  constructor(private readonly options: AptOptions) {
    this.home = join(options.folder, options.mirror ? sha256(options.mirror).slice(0, 8) : 'machine');
    this.stamp = join(this.home, 'updated');
    this.env = { ...(options.env ?? process.env), LC_ALL: 'C' };
  }

  /** Looks the packages up in the signed index: versions, file names and hashes. */
  async resolve(requests: readonly PackageRequest[]): Promise<IndexedPackage[]> {
    await this.prepare();
    const fresh = await this.isFresh();
    if (!fresh) await this.update();
    const args = [...suiteArgs(requests), '--print-uris', 'download', ...requests.map(specifier)];
    let result = await this.apt(args);
    if (result.code !== 0 && fresh) {
      // The sources may have changed since.
      await this.update();
      result = await this.apt(args);
    }
    if (result.code !== 0) throw this.explain(result.stderr, requests);
    const found = result.stdout.toString().split('\n').filter(Boolean).map(parseUriLine);
    return requests.map(request => {
      const match = found.find(({ name, architecture }) => {
        return (
          name === request.name &&
          (!request.architecture || architecture === request.architecture || architecture === 'all')
        );
      });
      if (!match)
        throw new V3Error('SETUP_FAILED', `apt gave no address for the Debian package ${specifier(request)}`);
      return match;
    });
  }

  /** A package and all that it depends on, as if nothing were installed. */
  async closure(request: PackageRequest): Promise<PackageRequest[]> {
    await this.resolve([request]);
    const { name, suite } = request;
    const args = ['install', '--print-uris', '--yes', '--no-install-recommends', specifier(request)];
    const { code, stdout, stderr } = await this.apt([...suiteArgs([request]), ...args]);
    if (code !== 0) throw this.explain(stderr, [request]);
    const found = [...stdout.toString().matchAll(/^'.*' ([^_\s]+)_[^_\s]+_[^_\s]+\.deb /gm)];
    const names = new Set([name, ...found.map(match => match[1] as string)]);
    return [...names].map(each => ({ name: each, suite }));
  }

  /** Downloads packages into `folder`, under the file names that `resolve` gave. */
  async download(
    requests: readonly PackageRequest[],
    folder: string,
    onFile: (count: number) => void,
  ): Promise<void> {
    let count = 0;
    const onLine = (line: string): void => {
      if (line.startsWith('Get:')) onFile(++count);
    };
    const args = [...suiteArgs(requests), 'download', ...requests.map(specifier)];
    const result = await this.apt(args, { cwd: folder, onLine });
    if (result.code !== 0) throw this.explain(result.stderr, requests);
  }

  private async prepare(): Promise<void> {
    if (!findProgram('apt-get', this.env.PATH) || !findProgram('dpkg-deb', this.env.PATH)) {
      throw this.refuse(
        'apt-get and dpkg-deb are needed to fetch Debian packages, and this machine does not have them',
      );
    }
    for (const folder of ['lists/partial', 'cache/archives/partial'])
      await mkdir(join(this.home, folder), { recursive: true });
    await writeFile(join(this.home, 'status'), '');
    if (this.options.mirror) await this.writeMirrorSource(this.options.mirror);
  }

  private async writeMirrorSource(mirror: string): Promise<void> {
    if (!/^(https?|file):\/\/?[^\s[\]]+$/.test(mirror)) {
      throw new V3Error(
        'SETUP_FAILED',
        `"${mirror}" is not the address of a Debian mirror; it looks like https://HOST/debian`,
      );
    }
    if (!existsSync(keyring)) {
      throw new V3Error(
        'SETUP_FAILED',
        `${keyring} is needed to check what the Debian mirror sends: install the package debian-archive-keyring`,
      );
    }
    const line = `deb [signed-by=${keyring}] ${mirror} ${mirrorRelease} main\n`;
    await writeFile(join(this.home, 'sources.list'), line);
  }

  /**
   * Refreshes the index, unless it is fresh. One source that cannot be read (a mirror in the middle of its sync, a
   * third-party source without i386) is no reason to stop: what apt did get is verified, and `resolve` says what is
   * missing.
   */
  private async update(): Promise<void> {
    const result = await this.apt(['update']);
    if (isDiskFull(result.stderr)) throw this.explain(result.stderr, []);
    // A source that does not answer is only a warning to apt.
    const failed = result.code !== 0 || result.stderr.includes('Failed to fetch');
    this.updateProblem = failed ? errorLines(result.stderr) : '';
    updatedByUs.add(this.home);
    if (failed) return;
    await writeFile(this.stamp, '');
    await touch(this.stamp);
  }

  private async isFresh(): Promise<boolean> {
    const age = await stat(this.stamp).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => Infinity,
    );
    return updatedByUs.has(this.home) || (age >= 0 && age < indexLifetimeMs);
  }

  private async apt(
    args: readonly string[],
    options: { cwd?: string; onLine?: (line: string) => void } = {},
  ): Promise<RunResult> {
    const { home } = this;
    const settings = [
      `Dir::State::lists=${home}/lists`,
      `Dir::State::status=${home}/status`,
      `Dir::Cache=${home}/cache`,
      'APT::Architectures::=i386', // apt adds the machine's own by itself
      'Acquire::Languages=none',
      'Acquire::Retries=3',
      'APT::Get::List-Cleanup=true',
      ...(this.options.mirror
        ? [`Dir::Etc::sourcelist=${home}/sources.list`, 'Dir::Etc::sourceparts=/dev/null']
        : []),
    ];
    const all = [...settings.map(setting => `-o${setting}`), ...(this.options.extraArgs ?? []), ...args];
    return run('apt-get', all, { ...options, env: this.env, timeout: timeoutMs });
  }

  private explain(stderr: string, requests: readonly PackageRequest[]): V3Error {
    if (isDiskFull(stderr)) {
      return new V3Error(
        'STORAGE_FULL',
        `${this.home} has no space left for Debian packages: free some, or set V3_CACHE_DIR to a folder on another disk`,
      );
    }
    // Without an index nothing can be found; then the reason is why there is none.
    if (isUnreachable(this.updateProblem)) return this.unreachable(this.updateProblem);
    const noRelease = /not available in the sources/.test(stderr);
    const missing = requests.filter(request => noRelease || isMissing(stderr, request)).map(specifier);
    if (missing.length === 0) return this.unreachable(errorLines(stderr));
    const names = missing.length > 3 ? `${missing.slice(0, 3).join(', ')} and others` : missing.join(', ');
    const where = this.options.mirror
      ? `the Debian mirror ${this.options.mirror}`
      : "this machine's apt sources";
    const release = requests[0]?.suite ? ` of Debian's release ${requests[0].suite}` : '';
    return this.refuse(`${where} ${this.options.mirror ? 'does' : 'do'} not have ${names}${release}`);
  }

  private unreachable(reason: string): V3Error {
    const sources = this.options.mirror ? 'the mirror' : 'the sources in /etc/apt';
    return new V3Error(
      'SETUP_FAILED',
      `the Debian packages cannot be fetched: ${reason}. Check the network and ${sources}, then run it again`,
    );
  }

  private refuse(what: string): V3Error {
    return new V3Error('SETUP_FAILED', `${what}. ${this.options.remedy}`);
  }
}

/** `linux-image-686:i386`, as apt wants it. */
export function specifier({ name, architecture }: PackageRequest): string {
  return architecture ? `${name}:${architecture}` : name;
}

/** Prefers this release and its updates: a machine may have newer ones configured as well. */
function suiteArgs(requests: readonly PackageRequest[]): string[] {
  const suite = requests[0]?.suite;
  return suite ? ['-t', `/^${suite}(-security|-updates)?$/`] : [];
}

/** `'URI' busybox-static_1%3a1.35.0_i386.deb 958344 SHA256:725e…` */
function parseUriLine(line: string): IndexedPackage {
  const match = /^'.*' ([^_\s]+)_([^_\s]+)_([^_\s]+)\.deb (\d+) SHA256:([0-9a-f]{64})$/.exec(line.trim());
  if (!match)
    throw new V3Error('SETUP_FAILED', `apt's index has no SHA-256 for a package it offers: ${line}`);
  const [, name = '', version = '', architecture = '', size = '', hash = ''] = match;
  const file = `${name}_${version}_${architecture}.deb`;
  return { name, version: decodeURIComponent(version), architecture, file, size: Number(size), sha256: hash };
}

function errorLines(stderr: string): string {
  const lines = stderr.split('\n').filter(line => /^[EW]: /.test(line) && !line.includes('unsandboxed'));
  const errors = lines.filter(line => line.startsWith('E:'));
  return (errors.length ? errors : lines.length ? lines : [stderr.trim()])
    .slice(0, 2)
    .map(line => line.replace(/^[EW]: /, '').trim())
    .join('; ');
}

/** apt: "Unable to locate package NAME", "Can't select candidate version from package NAME as it has no candidate". */
function isMissing(stderr: string, { name }: PackageRequest): boolean {
  return stderr.split('\n').some(line => {
    const match = /(?:Unable to locate package|candidate version from package) ([^\s:]+)/.exec(line);
    return match?.[1] === name;
  });
}

const isDiskFull = (text: string): boolean =>
  /No space left on device|enough free space|Disk quota exceeded/i.test(text);

const isUnreachable = (text: string): boolean =>
  /Could not (connect|resolve)|Temporary failure|Unable to connect|Connection (refused|timed out|failed)|Network is unreachable/i.test(
    text,
  );

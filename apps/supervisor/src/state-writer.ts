import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { topology, V3Error, type Topology } from '@v3vee/contracts';
import { ensureStateFolder, type ClusterFile, type StateFiles } from '@v3vee/client';

/** One service for Prometheus; as it calls it. */
export interface TargetGroup {
  targets: string[];
  labels: Record<string, string>;
}

/** Writes the files of the state folder that other commands read. */
export class StateWriter {
  readonly files: StateFiles;
  private targets: string | undefined;

  constructor(readonly folder: string) {
    this.files = ensureStateFolder(folder);
  }

  writeCluster(cluster: ClusterFile): void {
    write(this.files.cluster, `${JSON.stringify(cluster, null, 2)}\n`, 0o600);
  }

  /** @see https://prometheus.io/docs/prometheus/latest/configuration/configuration/#file_sd_config */
  writePrometheusTargets(groups: readonly TargetGroup[]): void {
    const text = `${JSON.stringify(groups, null, 2)}\n`;
    // Prometheus reads it anew whenever it is written.
    if (text !== this.targets) write(this.files.prometheusTargets, text, 0o600);
    this.targets = text;
  }

  removeCluster(): void {
    rmSync(this.files.cluster, { force: true });
    rmSync(this.files.prometheusTargets, { force: true });
  }

  /** The administrator's token: made once, readable by its user alone. */
  ensureToken(): void {
    const file = this.files.token;
    try {
      writeFileSync(file, `${randomBytes(32).toString('base64url')}\n`, { flag: 'wx', mode: 0o600 });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    if (readFileSync(file, 'utf8').trim() === '') {
      throw new V3Error('SETUP_FAILED', `the token file ${file} is empty; remove it and a new one is made`);
    }
    if ((statSync(file).mode & 0o077) !== 0) chmodSync(file, 0o600);
  }

  token(): string {
    return readFileSync(this.files.token, 'utf8').trim();
  }

  writeNatsUrl(url: string): void {
    write(this.files.natsUrl, `${url}\n`, 0o600);
  }

  writeTopology(applied: Topology): void {
    write(this.files.topology, `${JSON.stringify(applied, null, 2)}\n`, 0o600);
  }

  /** The topology applied last; undefined before the first time. */
  readTopology(): Topology | undefined {
    let text: string;
    try {
      text = readFileSync(this.files.topology, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    try {
      return topology.parse(JSON.parse(text));
    } catch (cause) {
      throw new V3Error(
        'CLUSTER_FILE_INVALID',
        `${this.files.topology}, the record of what was applied last, is damaged; remove it and the cluster file is applied anew`,
        { cause },
      );
    }
  }
}

/** Readers see the old content or the new, never a part. */
function write(file: string, text: string, mode: number): void {
  mkdirSync(dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.tmp`;
  writeFileSync(temporary, text, { mode });
  renameSync(temporary, file);
}

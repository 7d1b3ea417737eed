import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { locateInFile, parseTopology, V3Error, type Topology } from '@v3vee/contracts';
import { paths } from './session';

export interface TopologyFile {
  /** Absolute: the supervisor runs in another folder. */
  path: string;
  topology: Topology;
  /** Makes a mistake that the cluster found in it say where it stands. */
  locate: (thrown: unknown) => unknown;
}

/** Reads and checks a cluster file; `-` is standard input. Without a name: cluster.yaml of the checkout. */
export function readTopologyFile(name?: string): TopologyFile {
  const path =
    name === undefined ? join(paths().checkout, 'cluster.yaml') : name === '-' ? name : resolve(name);
  let text: string;
  try {
    text = readFileSync(name === '-' ? 0 : path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const reason =
      code === 'ENOENT'
        ? 'there is no such file'
        : code === 'EISDIR'
          ? 'it is a folder'
          : `it cannot be read (${code})`;
    throw new V3Error('CLUSTER_FILE_UNREADABLE', `${path}: ${reason}`, { cause: error });
  }
  const shown = name === '-' ? 'standard input' : (name ?? path);
  return {
    path,
    topology: parseTopology(text, shown),
    locate: thrown => (thrown instanceof V3Error ? locateInFile(thrown, text, shown) : thrown),
  };
}

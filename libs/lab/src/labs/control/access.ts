import { readFile } from 'node:fs/promises';
import { stateFiles } from '@v3vee/client';
import type { LabCluster } from '../../cluster';

/** Both doors of the gateway. */
export interface Access {
  url: string;
  /** HOST:PORT. */
  grpc: string;
  token: string;
  pid: number;
}

export async function accessOf({ cluster }: LabCluster): Promise<Access> {
  const { url, grpc, services } = await cluster.status();
  const pid = services.find(({ name }) => name === 'gateway')?.pid;
  if (!url || !grpc || !pid) throw new Error('the gateway does not run');
  const token = (await readFile(stateFiles(cluster.stateDir).token, 'utf8')).trim();
  return { url, grpc, token, pid };
}

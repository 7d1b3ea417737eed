import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectLocal, ControlClient, stateFiles, type Client } from '@v3vee/client';
import { TestCluster } from '@v3vee/testkit';
import type { LabContext } from './lab';

/** A cluster for one lab, on the same code paths as a user's, in a state folder of its own. */
export class LabCluster {
  private constructor(
    readonly cluster: TestCluster,
    readonly client: Client,
  ) {}

  static async up(context: LabContext, topology?: string): Promise<LabCluster> {
    let file: string | undefined;
    if (topology !== undefined) {
      const folder = await mkdtemp(join(tmpdir(), 'v3-lab-'));
      context.cleanup(() => rm(folder, { recursive: true, force: true }));
      file = join(folder, 'cluster.yaml');
      await writeFile(file, topology);
    }
    const cluster = await TestCluster.up({ topologyFile: file });
    context.cleanup(() => cluster.down());
    return new LabCluster(cluster, await connectLocal(cluster.stateDir, {}));
  }

  /** Address of one of its processes, for example `nats`. */
  async service(name: string): Promise<{ url: string; pid: number }> {
    const status = await new ControlClient(stateFiles(this.cluster.stateDir).socket).status();
    const service = status?.services.find(candidate => candidate.name === name);
    if (!service?.url || !service.pid) throw new Error(`${name} does not run in this cluster`);
    return { url: service.url, pid: service.pid };
  }

  vm(name: string) {
    return this.client.call('getVm', { vm: name });
  }
}

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectLocal, ControlClient, execInVm, stateFiles, waitForVm, type Client } from '@v3vee/client';
import { TestCluster } from '@v3vee/testkit';
import type { LabContext } from './lab';

/** A guest that is asked for longer hangs. */
const COMMAND_SECONDS = 90;

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
    const cluster = await TestCluster.up({ topologyFile: file, signal: context.signal });
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
  /**
   * Runs a command in a guest's shell; answers what it printed.
   * @throws Error that quotes the command where it does not end with 0: a tool could not do its work
   */
  async sh(vm: string, command: string): Promise<string> {
    await waitForVm(this.client, vm, 'agent');
    const { exitCode, stdout, stderr } = await execInVm(this.client, vm, ['sh', '-c', command], {
      timeoutSeconds: COMMAND_SECONDS,
    }).catch(error => {
      throw new Error(`${vm}: ${command}: ${(error as Error).message}`, { cause: error });
    });
    if (exitCode === 0) return stdout.toString();
    const said = `${stdout.toString()}${stderr.toString()}`.trim().slice(-400);
    throw new Error(`${vm}: ${command}: ended with ${exitCode}: ${said || '(said nothing)'}`);
  }

  /** Until it can be asked. */
  async resume(vm: string): Promise<void> {
    if ((await this.vm(vm)).state === 'PAUSED') {
      await this.client.operate('resumeVm', { vm }, { body: {} });
    }
    await waitForVm(this.client, vm, 'agent');
  }
  async pause(vm: string): Promise<void> {
    await this.client.operate('pauseVm', { vm }, { body: {} });
  }
}

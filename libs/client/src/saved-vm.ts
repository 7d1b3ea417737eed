/** Palacios's verbs save, load, send and receive: a VM's state as one file, or in another cluster. */
import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ipWithPrefix, V3Error, vmSpec, type Snapshot, type Vm, type VmSpec } from '@v3vee/contracts';
import { importSnapshot } from './blobs';
import type { ByteStream } from './byte-stream';
import type { Client } from './client';
import { openSnapshotExport } from './snapshot';

export interface SavedVmOptions {
  signal?: AbortSignal;
  onProgress?: (text: string) => void;
}

/**
 * The state of a VM that runs or is paused, as {@link openSnapshotExport} gives it. It goes on meanwhile.
 * @param use takes the stream to its end
 * @throws V3Error as the gateway answered it (VM_WRONG_STATE, STORAGE_FULL …)
 */
export async function saveVm<T>(
  client: Client,
  vm: string,
  use: (state: ByteStream) => Promise<T>,
  { signal, onProgress }: SavedVmOptions = {},
): Promise<T> {
  const name = passing('save');
  onProgress?.(`saving ${vm}`);
  await client.operate('snapshotVm', { vm }, { body: { name }, signal });
  // By id: names are a VM's own.
  const snapshot = (await client.list('listSnapshots', { vm })).find(each => each.name === name);
  if (!snapshot) throw new V3Error('SNAPSHOT_NOT_FOUND', `the state of ${vm} was deleted while it was read`);
  return beforeDeleting(client, snapshot, async () => use(await openSnapshotExport(client, snapshot.id)));
}

/**
 * Puts a VM into the state that a file has; it runs.
 * @throws V3Error STATE_INVALID, STATE_INCOMPATIBLE; the VM is as it was then
 */
export async function loadVm(
  client: Client,
  vm: string,
  file: string,
  { signal, onProgress }: SavedVmOptions = {},
): Promise<void> {
  const snapshot = await importSnapshot(client, { file, vm, name: passing('load') }, onProgress);
  await beforeDeleting(client, snapshot, () =>
    client.operate('restoreVm', { vm }, { body: { snapshot: snapshot.id }, signal }),
  );
}

export interface Sending extends SavedVmOptions {
  /** Of the cluster that it is in. */
  from: Client;
  to: Client;
  vm: string;
  /** How it is to be called and where it is to run there; as here unless said. */
  name?: string;
  host?: string;
  /** Its definition goes too; else it stays, stopped. */
  deletes?: boolean;
}

/**
 * Moves a VM that runs into another cluster: defined there, stopped here, loaded there. Until it is known to run there
 * it stands still here; if that can't be known, it stays so in both: never two.
 * @returns ms for which it stood still
 * @throws V3Error VM_WRONG_STATE unless it runs; STATE_INCOMPATIBLE: it has disks; what the other cluster said when it does not take it, and then it goes on here
 */
export async function sendVm(options: Sending): Promise<{ pausedMs: number }> {
  const { from, to, vm, signal, onProgress = () => undefined } = options;
  const present = await from.call('getVm', { vm });
  if (present.disks.length > 0) {
    const detail = `${vm} has disks, which are not sent to another cluster; send it without, or export them ("v3 disk export")`;
    throw new V3Error('STATE_INCOMPATIBLE', detail);
  }
  if (present.state !== 'RUNNING') {
    const detail = `${vm} is ${present.state}; a VM that is sent to another cluster has to run`;
    throw new V3Error('VM_WRONG_STATE', detail);
  }
  onProgress(`defining it there`);
  const { id: there } = await to.call('createVm', {}, { body: definitionOf(present, options) });
  let began: number | undefined;
  const folder = await mkdtemp(join(tmpdir(), 'v3-send-'));
  try {
    await from.operate('pauseVm', { vm }, { signal });
    began = performance.now();
    const file = join(folder, 'state');
    await saveVm(from, vm, ({ stream }) => pipeline(stream, createWriteStream(file)), options);
    await loadVm(to, there, file, { signal, onProgress });
  } catch (thrown) {
    await takenBack(options, there, thrown);
    throw thrown;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const pausedMs = performance.now() - began;
  onProgress('stopping it where it was');
  // Else it would start here too with the cluster.
  if (present.autostart) await from.call('updateVm', { vm }, { body: { autostart: false } });
  await from.operate('stopVm', { vm });
  if (options.deletes) await from.operate('deleteVm', { vm });
  return { pausedMs };
}

/**
 * It goes on here only when it is certain that it does not run there.
 * @throws V3Error SERVICE_UNAVAILABLE when it is not
 */
async function takenBack({ from, to, vm }: Sending, there: string, cause: unknown): Promise<void> {
  try {
    const { state } = await to.call('getVm', { vm: there });
    if (state !== 'STOPPED') await to.operate('stopVm', { vm: there });
    await to.operate('deleteVm', { vm: there });
  } catch (thrown) {
    const { message } = V3Error.from(cause);
    throw new V3Error(
      'SERVICE_UNAVAILABLE',
      `it is not known whether ${vm} runs in the other cluster (${message}; then: ${V3Error.from(thrown).message}). ` +
        `Here it is paused: look there, then stop or resume it here`,
      { cause: thrown },
    );
  }
  if ((await from.call('getVm', { vm })).state === 'PAUSED') await from.operate('resumeVm', { vm });
}

function definitionOf({ nics, wifi, ...vm }: Vm, { name, host }: Sending): VmSpec {
  return vmSpec.parse({
    name: name ?? vm.name,
    host: host ?? vm.host,
    memoryMiB: vm.memoryMiB,
    image: vm.image,
    boot: vm.boot,
    autostart: vm.autostart,
    failover: vm.failover,
    checkpointEvery: vm.checkpointEvery ?? undefined,
    yield: vm.yield,
    devices: vm.devices,
    nics: nics.map(({ network, mac, ips, device, access }) => ({
      network,
      mac,
      ip: ips.find(ip => ipWithPrefix.safeParse(ip).success),
      device: device ?? undefined,
      access: access ?? undefined,
    })),
    wifi: wifi.map(({ radio, ssid, mac, ip }) => ({
      radio,
      ssid: ssid ?? undefined,
      mac,
      ip: ip ?? undefined,
    })),
  });
}

/** The name of a snapshot that is only passed through. */
const passing = (what: string): string => `${what}-${randomUUID().slice(0, 13)}`;

async function beforeDeleting<T>(client: Client, { id }: Snapshot, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } finally {
    await client.call('deleteSnapshot', { snapshot: id });
  }
}

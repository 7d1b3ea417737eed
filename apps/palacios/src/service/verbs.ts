import type { Bus, Stoppable } from '@v3vee/bus';
import { palaciosCalls, V3Error, verbStates, type Call, type PalaciosVerb } from '@v3vee/contracts';
import { storeError, toSnapshot } from '@v3vee/store';
import type { z } from 'zod';
import type { Checkpoints } from '../checkpoints/checkpoints';
import type { Consoles } from '../console/consoles';
import type { Fleet } from '../lifecycle/fleet';
import type { StoredSnapshots } from '../records/snapshots';

export interface VerbsOptions {
  bus: Bus;
  host: string;
  fleet: Fleet;
  consoles: Consoles;
  snapshots: StoredSnapshots;
  checkpoints: Pick<Checkpoints, 'forget'>;
  /** Told of each verb that was carried out or refused: how long it took (s), and the error's code, if any. */
  onDone: (verb: PalaciosVerb, seconds: number, code: string) => void;
}

/** Serves what the gateway asks of this host's VMs. */
export function serveVerbs({
  bus,
  host,
  fleet,
  consoles,
  snapshots,
  checkpoints,
  onDone,
}: VerbsOptions): Stoppable {
  const served: Stoppable[] = [];
  const serve = <V extends PalaciosVerb>(
    verb: V,
    carryOut: (request: RequestOf<V>) => Promise<ResponseOf<V>>,
  ): void => {
    const contract: Call = palaciosCalls[verb];
    served.push(
      bus.serve(contract, host, async request => {
        const began = performance.now();
        let code = 'OK';
        try {
          return await carryOut(request as RequestOf<V>);
        } catch (thrown) {
          const error = storeError(thrown);
          code = V3Error.from(error).code;
          throw error;
        } finally {
          onDone(verb, (performance.now() - began) / 1000, code);
        }
      }),
    );
  };

  serve('start', async ({ vmId }) => (await fleet.get(vmId)).start());
  serve('stop', async ({ vmId }) => (await fleet.get(vmId)).stop());
  serve('pause', async ({ vmId }) => (await fleet.get(vmId)).pause());
  serve('resume', async ({ vmId }) => (await fleet.get(vmId)).resume());
  serve('simulate', async ({ vmId, ms }) => (await fleet.get(vmId)).simulate(ms));
  serve('moveCore', async ({ vmId, core }) => (await fleet.get(vmId)).moveCore(core));
  serve('reset', async ({ vmId }) => (await fleet.get(vmId)).reset());
  serve('snapshot', async ({ vmId, name }) => toSnapshot(await (await fleet.get(vmId)).snapshot(name)));
  serve('restore', async ({ vmId, snapshotId, identity }) =>
    (await fleet.get(vmId)).restore(snapshotId, identity),
  );
  serve('recover', async ({ vmId, epoch, ...request }) => {
    const vm = await fleet.get(vmId);
    if (vm.definition.epoch === epoch) return vm.recover(request);
    throw new V3Error(
      'VM_NOT_FOUND',
      `VM ${vm.name} is at epoch ${vm.definition.epoch} here, not at ${epoch}`,
    );
  });
  serve('forget', async ({ vmId }) => {
    await fleet.forget(vmId);
    consoles.forget(vmId);
    await checkpoints.forget(vmId);
    return {};
  });
  serve('deleteSnapshot', async ({ snapshotId }) => {
    await snapshots.remove(snapshotId);
    return {};
  });
  serve('exec', async ({ vmId, ...request }) =>
    (await fleet.get(vmId)).machineFor('exec', verbStates.exec).exec(request),
  );
  serve('telemetry', async ({ vmId }) =>
    (await fleet.get(vmId)).machineFor('telemetry', verbStates.console).telemetry(),
  );
  const memoryOf = async (vmId: string) => (await fleet.get(vmId)).machineFor('memory', verbStates.memory);
  serve('memoryMap', async ({ vmId }) => (await memoryOf(vmId)).memoryMap());
  serve('memoryRead', async ({ vmId, ...range }) => (await memoryOf(vmId)).memory.read(range));
  serve('memoryWrite', async ({ vmId, ...what }) => {
    await (await memoryOf(vmId)).memory.write(what);
    return {};
  });
  serve('memoryHash', async ({ vmId, ...range }) => (await memoryOf(vmId)).memory.hash(range));
  serve('memorySearch', async ({ vmId, ...what }) => (await memoryOf(vmId)).memory.search(what));
  serve('balloon', async ({ vmId, memoryMiB }) => (await fleet.get(vmId)).balloon(memoryMiB));
  serve('setNic', async ({ vmId, nic, settings }) => {
    (await fleet.get(vmId)).setNic(nic, settings);
    return {};
  });
  serve('refresh', async ({ vmId }) => (await fleet.get(vmId)).refresh());
  serve('consoleAttach', async ({ vmId }) => {
    (await fleet.get(vmId)).machineFor('console', verbStates.console);
    return { scrollback: Buffer.from(consoles.scrollback(vmId)).toString('base64') };
  });
  return { stop: () => served.forEach(subscription => subscription.stop()) };
}

type RequestOf<V extends PalaciosVerb> = z.output<(typeof palaciosCalls)[V]['request']>;
type ResponseOf<V extends PalaciosVerb> = z.input<(typeof palaciosCalls)[V]['response']>;

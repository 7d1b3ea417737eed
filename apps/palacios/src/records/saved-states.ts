import { randomUUID } from 'node:crypto';
import { V3Error } from '@v3vee/contracts';
import type {
  SavedState,
  SnapshotEntity,
  SnapshotKind,
  SnapshotRepository,
  StateFiles,
  StateSource,
  VmDefinition,
} from '@v3vee/store';
import type { EntityManager } from 'typeorm';
import type { Log, SavedStates, Snapshots } from '../lifecycle/ports';

/** Saved machine states: files by digest, each there exactly as long as a row names it. */
export class FiledStates implements SavedStates {
  constructor(
    private readonly files: StateFiles,
    private readonly log: Log,
  ) {}

  write(
    source: StateSource,
    refer: (saved: SavedState, transaction: EntityManager) => Promise<void>,
  ): Promise<SavedState> {
    return this.files.write(source, refer);
  }

  verify(digest: string): Promise<string> {
    return this.files.verify(digest);
  }

  async release(digest: string): Promise<void> {
    try {
      await this.files.remove(digest);
    } catch (thrown) {
      // The next start sweeps what nobody refers to.
      this.log.warn({ digest, error: V3Error.from(thrown).message }, 'a state file could not be removed');
    }
  }
}

/** Named snapshots: a row and its file. */
export class StoredSnapshots implements Snapshots {
  constructor(
    private readonly host: string,
    private readonly repository: SnapshotRepository,
    private readonly states: SavedStates,
  ) {}

  async get(id: string): Promise<SnapshotEntity> {
    const snapshot = await this.repository.get(id);
    if (!snapshot) throw new V3Error('SNAPSHOT_NOT_FOUND', `there is no snapshot ${id}`);
    return snapshot;
  }

  async requireFree(vm: VmDefinition, name: string): Promise<void> {
    // By name alone: `find` takes an id too, and a snapshot may be named like another one's id.
    const taken = (await this.repository.named(name)).some(({ vmId }) => vmId === vm.id);
    if (!taken) return;
    throw new V3Error('SNAPSHOT_EXISTS', `${vm.name} has a snapshot named "${name}"; choose another name`);
  }

  latest(vmId: string): Promise<SnapshotEntity | null> {
    return this.repository.latest(vmId);
  }

  async create(
    vm: VmDefinition,
    name: string,
    state: StateSource,
    kind: SnapshotKind = 'named',
  ): Promise<SnapshotEntity> {
    let created: SnapshotEntity | undefined;
    await this.states.write(state, async ({ digest, bytes }, transaction) => {
      created = await this.repository.insert(
        {
          id: randomUUID(),
          name,
          kind,
          vmId: vm.id,
          vmName: vm.name,
          host: this.host,
          memoryMiB: vm.memoryMiB,
          image: vm.image,
          nics: vm.nics.map(({ network, vni, mac, ip }) => ({ network, vni, mac, ip })),
          bytes,
          digest,
        },
        transaction,
        vm.epoch,
      );
    });
    return created as SnapshotEntity;
  }

  /** The row first: a file without a row is swept, a row without a file would be a lie. */
  async remove(id: string): Promise<void> {
    const { digest } = await this.get(id);
    await this.repository.remove(id);
    await this.states.release(digest);
  }
}

import { randomUUID } from 'node:crypto';
import { snapshotLabel, V3Error, type SnapshotImport, type SnapshotLabel } from '@v3vee/contracts';
import type {
  NewSnapshot,
  SavedState,
  SnapshotEntity,
  SnapshotKind,
  SnapshotRepository,
  VmDefinition,
} from '@v3vee/store';
import type { Capture, Snapshots } from '../lifecycle/ports';
import type { StoredStates } from './saved-states';

/** Whatever belongs to a snapshot of a VM beside its state. */
type Own = Pick<NewSnapshot, 'name' | 'kind' | 'nics' | 'disks' | 'pauseMs'>;

/** Snapshots: a row and its state. */
export class StoredSnapshots implements Snapshots {
  constructor(
    private readonly host: string,
    private readonly repository: SnapshotRepository,
    private readonly states: StoredStates,
    /** What snapshots had of disks may not be needed any more. */
    private readonly onRemoved: () => void = () => undefined,
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
    state: Capture,
    kind: SnapshotKind = 'named',
  ): Promise<SnapshotEntity> {
    const nics = vm.nics.map(({ network, vni, mac, ip }) => ({ network, vni, mac, ip }));
    const pauseMs = state.pauseMs || null;
    this.states.figures.pauseMs += state.pauseMs;
    return this.#record(
      vm,
      { name, kind, nics, disks: [], pauseMs },
      async refer => void (await this.states.write(state, refer)),
      state.disks,
    );
  }

  /**
   * A state that was exported, as a snapshot of this VM.
   * @param source the export, from anybody
   * @throws V3Error STATE_INVALID, STATE_INCOMPATIBLE, SNAPSHOT_EXISTS, STORAGE_FULL
   */
  async import(
    vm: VmDefinition,
    { name }: Pick<SnapshotImport, 'name'>,
    source: AsyncIterable<Uint8Array>,
  ): Promise<SnapshotEntity> {
    const own: Own = { name: name ?? '', kind: 'named', nics: [], disks: [], pauseMs: null };
    return this.#record(vm, own, async refer => {
      const saved = await this.states.store.import(
        source,
        async (state, { label, ...shape }, transaction) => {
          const said = readLabel(label);
          requireShape(vm, shape);
          own.name ||= said.name;
          own.nics = said.nics;
          await refer(state, transaction);
        },
      );
      this.states.count(saved);
    });
  }

  /** The row first: a state without a row is swept, a row without a state would be a lie. */
  async remove(id: string): Promise<void> {
    const { digest } = await this.get(id);
    await this.repository.remove(id);
    await this.states.release(digest);
    this.onRemoved();
  }

  async #record(
    vm: VmDefinition,
    own: Own,
    write: (refer: Parameters<StoredStates['write']>[1]) => Promise<void>,
    disks?: Capture['disks'],
  ): Promise<SnapshotEntity> {
    const parent = (await this.repository.latest(vm.id))?.id ?? null;
    let created: SnapshotEntity | undefined;
    await write(async ({ digest, pages, newPages, storedBytes }: SavedState, transaction) => {
      const { id: vmId, name: vmName, memoryMiB, image, epoch } = vm;
      const row = {
        id: randomUUID(),
        vmId,
        vmName,
        host: this.host,
        memoryMiB,
        image,
        digest,
        parent,
        ...own,
      };
      if (disks) row.disks = await disks(transaction);
      const sizes = { pages, newPages, bytes: storedBytes };
      created = await this.repository.insert({ ...row, ...sizes }, transaction, epoch);
    });
    return created as SnapshotEntity;
  }
}

function readLabel(label: Buffer): SnapshotLabel {
  try {
    return snapshotLabel.parse(JSON.parse(label.toString('utf8')));
  } catch (cause) {
    throw new V3Error('STATE_INVALID', 'this is a saved state, but not one that "v3 snapshot export" made', {
      cause,
    });
  }
}

function requireShape(vm: VmDefinition, state: { memoryMiB: number; nicCount: number }): void {
  const nicCount = vm.nics.filter(({ device }) => device === null).length;
  if (state.memoryMiB === vm.memoryMiB && state.nicCount === nicCount) return;
  throw new V3Error(
    'STATE_INCOMPATIBLE',
    `the state is of a machine with ${state.memoryMiB} MiB of memory and ${state.nicCount} virtio NICs; ` +
      `${vm.name} has ${vm.memoryMiB} MiB and ${nicCount}`,
  );
}

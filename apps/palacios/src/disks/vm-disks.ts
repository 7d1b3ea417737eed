import { V3Error } from '@v3vee/contracts';
import type { DiskFolder } from '@v3vee/disk-store';
import type { DiskConfig, DiskLayers } from '@v3vee/machine';
import type {
  DiskDefinition,
  DiskOwner,
  DiskRepository,
  DiskState,
  SnapshotDisk,
  VmDefinition,
} from '@v3vee/store';
import type { EntityManager } from 'typeorm';

/** What is on the disks of a machine: what was on them last, or what was when a snapshot was taken. */
export type DiskOrigin = { snapshotId: string } | 'last';

export interface DiskParts {
  host: string;
  folder: DiskFolder;
  repository: Pick<DiskRepository, 'locked' | 'lock' | 'states' | 'write'>;
}

/** The disks of one machine of a VM, from when its guest first runs here until it is gone. */
export class VmDisks {
  #epoch: number;
  /** Of each disk, once they are this machine's. */
  #layers: string[][] | undefined;
  /** New tops that were named and to which the machine did not go over. */
  #unused: DiskState[] | undefined;

  constructor(
    private readonly parts: DiskParts,
    private readonly vm: Pick<VmDefinition, 'id' | 'name' | 'epoch' | 'disks'>,
    private origin: DiskOrigin,
  ) {
    this.#epoch = vm.epoch;
  }

  get configs(): DiskConfig[] {
    return this.vm.disks.map(({ bytes, readOnly, cdrom, name }) => ({
      bytes,
      readOnly,
      cdrom,
      serial: name,
    }));
  }

  /**
   * They are this machine's from now on, and no other's. A top layer whose writer has not closed it may still be written by
   * that, should it come to itself again: a copy of it takes its place.
   * @throws V3Error VM_NOT_FOUND, STATE_CORRUPT, STORAGE_FULL, SERVICE_UNAVAILABLE
   */
  async take(): Promise<DiskLayers> {
    if (this.#layers) return this.#files(this.#layers);
    const { folder, repository } = this.parts;
    const states = await repository.states(this.#written.map(({ id }) => id));
    const tops = new Map<string, string>();
    for (const disk of this.#written) {
      const state = this.origin === 'last' ? states.get(disk.id) : undefined;
      if (!state) tops.set(disk.id, await folder.create(disk.bytes));
      else if (!state.sealed) tops.set(disk.id, await folder.copy(state.layers[0]!, disk.bytes));
    }
    await this.#write(async manager => {
      const now = await repository.states([...states.keys()], manager);
      const saved = this.origin === 'last' ? undefined : await this.#saved(this.origin.snapshotId, manager);
      return this.#written.map(disk => {
        const top = tops.get(disk.id);
        const last = now.get(disk.id)?.layers;
        if (saved) return { diskId: disk.id, layers: [top!, ...saved[disk.index]!.layers], sealed: false };
        if (!last) return { diskId: disk.id, layers: [top!, ...disk.base], sealed: false };
        return { diskId: disk.id, layers: top ? [top, ...last.slice(1)] : last, sealed: false };
      });
    });
    this.origin = 'last';
    return this.#files(this.#layers!);
  }

  /**
   * New tops, on disks that are this machine's. They are named before anybody writes to them, so that nothing written is
   * ever unnamed.
   * @returns with which layers to go on, what tells them as they were, and what to do when the machine did not go over
   */
  async freeze(): Promise<{ layers: DiskLayers; frozen: FrozenDisks; undo: () => Promise<void> }> {
    const { folder, repository } = this.parts;
    await this.#undo();
    const tops = await Promise.all(this.#written.map(({ bytes }) => folder.create(bytes)));
    let before: DiskState[] = [];
    await this.#write(async manager => {
      const states = await repository.states(
        this.#written.map(({ id }) => id),
        manager,
      );
      before = this.#written.map(({ id }) => states.get(id)!);
      return before.map((state, index) => ({ ...state, layers: [tops[index]!, ...state.layers] }));
    });
    return {
      layers: this.#files(this.#layers!),
      frozen: new FrozenDisks(this.parts, this.vm.disks, before),
      undo: () => {
        this.#unused = before;
        return this.#undo();
      },
    };
  }

  /** The tops are those again to which the machine writes; before that, none of them may be taken for frozen. */
  async #undo(): Promise<void> {
    const before = this.#unused;
    if (before) await this.#write(async () => before);
    this.#unused = undefined;
  }

  /** The machine has closed them, or is gone for good: whoever takes them next goes on in the same layers. */
  async release(): Promise<void> {
    const layers = this.#layers;
    this.#layers = undefined;
    if (!layers || this.#written.length === 0) return;
    const { repository } = this.parts;
    await repository.locked(async manager => {
      const states = await repository.states(
        this.#written.map(({ id }) => id),
        manager,
      );
      const sealed = [...states.values()].map(state => ({ ...state, sealed: true }));
      await repository.write(this.#owner, sealed, manager);
    });
  }

  /** The VM is another epoch's from now on. */
  renew(epoch: number): void {
    this.#epoch = epoch;
  }

  async #write(states: (manager: EntityManager) => Promise<DiskState[]>): Promise<void> {
    const { repository, folder } = this.parts;
    const bases = this.vm.disks.map(({ base }) => base);
    if (this.#written.length === 0) {
      for (const base of bases) await folder.require(base);
      this.#layers = bases;
      return;
    }
    await repository.locked(async manager => {
      const written = await states(manager);
      for (const { layers } of written) await folder.require(layers);
      await repository.write(this.#owner, written, manager);
      const of = new Map(written.map(({ diskId, layers }) => [diskId, layers]));
      this.#layers = this.vm.disks.map(({ id, base }) => of.get(id) ?? base);
    });
  }

  /** Read anew: layers may have been merged since. */
  async #saved(snapshotId: string, manager: EntityManager): Promise<SnapshotDisk[]> {
    const [row]: { disks: SnapshotDisk[] }[] = await manager.query(
      'SELECT disks FROM snapshot WHERE id = $1',
      [snapshotId],
    );
    if (!row) throw new V3Error('SNAPSHOT_NOT_FOUND', `there is no snapshot ${snapshotId} any more`);
    requireDisks(this.vm, row.disks);
    return row.disks;
  }

  #files(layers: string[][]): DiskLayers {
    return layers.map(each => this.parts.folder.files(each));
  }

  get #written(): DiskDefinition[] {
    return this.vm.disks.filter(({ readOnly }) => !readOnly);
  }

  get #owner(): DiskOwner {
    const { id: vmId, name: vmName } = this.vm;
    return { vmId, vmName, host: this.parts.host, epoch: this.#epoch };
  }
}

/** Disks as they were at one instant. */
export class FrozenDisks {
  constructor(
    private readonly parts: Pick<DiskParts, 'repository'>,
    private readonly disks: DiskDefinition[],
    private readonly states: DiskState[],
  ) {}

  /** What a snapshot says of them, in the transaction that inserts it: layers below may have been merged meanwhile. */
  async name(manager: EntityManager): Promise<SnapshotDisk[]> {
    const { repository } = this.parts;
    await repository.lock(manager);
    const now = await repository.states(
      this.states.map(({ diskId }) => diskId),
      manager,
    );
    return this.disks.map(({ id, name, bytes }) => {
      const top = this.states.find(({ diskId }) => diskId === id)?.layers[0];
      const layers = now.get(id)?.layers ?? [];
      return { name, bytes, layers: top === undefined ? [] : layers.slice(layers.indexOf(top)) };
    });
  }
}

/** @throws V3Error STATE_INCOMPATIBLE when a saved state is of a machine with other disks */
export function requireDisks(
  { name, disks }: Pick<VmDefinition, 'name' | 'disks'>,
  saved: readonly Pick<SnapshotDisk, 'name' | 'bytes'>[],
): void {
  const shape = (all: readonly { bytes: number }[]) => all.map(({ bytes }) => bytes).join();
  if (shape(disks) === shape(saved)) return;
  const tell = (all: readonly { name: string; bytes: number }[]) =>
    all.map(each => `${each.name} of ${each.bytes} bytes`).join(', ') || 'none';
  throw new V3Error(
    'STATE_INCOMPATIBLE',
    `the state was saved from a machine with other disks (${tell(saved)}) than ${name} has (${tell(disks)})`,
  );
}

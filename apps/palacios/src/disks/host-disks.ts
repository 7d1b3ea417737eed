import { V3Error } from '@v3vee/contracts';
import type { DiskFolder } from '@v3vee/disk-store';
import type { DiskRepository, VmDefinition } from '@v3vee/store';
import type { EntityManager } from 'typeorm';
import type { Log } from '../lifecycle/ports';
import { mergeable } from './mergeable';
import { VmDisks, type DiskOrigin } from './vm-disks';

/** Between two times that layers are merged and swept. */
const TIDY_EVERY_MS = 60_000;

export interface HostDisksOptions {
  host: string;
  folder: DiskFolder;
  repository: DiskRepository;
  log: Log;
}

/** Disks of this host's VMs, and the care of all layers, which all hosts share. */
export class HostDisks {
  #last = -Infinity;
  #next: NodeJS.Timeout | undefined;
  #tidying: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(private readonly options: HostDisksOptions) {}

  of(vm: VmDefinition, origin: DiskOrigin = 'last'): VmDisks {
    return new VmDisks(this.options, vm, origin);
  }

  /** Chains become shorter, and what nobody needs goes; a while after the last time. Nobody waits for it. */
  tidySoon(): void {
    if (this.#closed) return;
    const wait = Math.max(0, this.#last + TIDY_EVERY_MS - performance.now());
    this.#next ??= setTimeout(() => {
      this.#next = undefined;
      this.#last = performance.now();
      this.#tidying = this.tidy().then(
        () => undefined,
        thrown => {
          const error = V3Error.from(thrown).message;
          this.options.log.warn({ error }, 'layers of disks were not merged or removed');
        },
      );
    }, wait).unref();
  }

  /** @returns bytes that were freed */
  async tidy(): Promise<number> {
    const { repository, folder } = this.options;
    await repository.locked(async manager => {
      for (let pair = mergeable(await repository.chains(manager)); pair;) {
        await folder.merge(pair.lower, pair.upper, await this.#bytes(pair.upper, manager));
        await repository.drop(pair.lower, manager);
        pair = mergeable(await repository.chains(manager));
      }
    });
    // Not before it is committed that layers are not needed any more.
    return repository.locked(async manager => {
      const { disks, snapshots, pinned } = await repository.chains(manager);
      return folder.sweep(new Set([...disks, ...snapshots, ...pinned].flat()));
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#next);
    await this.#tidying;
  }

  async #bytes(layer: string, manager: EntityManager): Promise<number> {
    const [row]: { bytes: string }[] = await manager.query(
      `SELECT bytes::text FROM vm_disk JOIN disk_state ON disk_id = id WHERE layers ? $1
       UNION ALL
       SELECT disk ->> 'bytes' FROM snapshot, jsonb_array_elements(disks) AS disk WHERE disk -> 'layers' ? $1 LIMIT 1`,
      [layer],
    );
    return Number(row!.bytes);
  }
}

import { V3Error } from '@v3vee/contracts';
import { DataSource, type EntityManager } from 'typeorm';
import { translating } from '../constraints';
import { DiskImageEntity, DiskStateEntity } from '../entities';

/** Any constant does, if all services use the same: 'DISK' in ASCII. */
const DISK_LOCK = 0x4449534b;

/** Who may say what is on a VM's disks. */
export interface DiskOwner {
  vmId: string;
  vmName: string;
  host: string;
  epoch: number;
}

/** What is on a disk: its layers, from the top downwards. */
export interface DiskState {
  diskId: string;
  layers: string[];
  sealed: boolean;
}

/** An image, or a disk of a VM. */
export interface DiskRecord {
  name: string;
  vm: string | null;
  vmId: string | null;
  bytes: number;
  readOnly: boolean;
  /** From the top downwards; of a disk that was never written, those of its image. */
  layers: string[];
  /** Whether nobody writes to the top one. */
  sealed: boolean;
  image: string | null;
  createdAt: Date;
}

/**
 * What disks are made of. Whoever names layers does so under a lock, in the transaction that it gets: so no layer is removed
 * between being found there and being named.
 */
export class DiskRepository {
  constructor(private readonly dataSource: DataSource) {}

  locked<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    return this.dataSource.transaction(async manager => {
      await this.lock(manager);
      return work(manager);
    });
  }

  /** In a transaction that is under way. */
  async lock(manager: EntityManager): Promise<void> {
    await manager.query('SELECT pg_advisory_xact_lock($1)', [DISK_LOCK]);
  }

  /** Of those disks that were ever written. */
  async states(diskIds: string[], manager = this.dataSource.manager): Promise<Map<string, DiskState>> {
    const rows: { disk_id: string; layers: string[]; sealed: boolean }[] = await manager.query(
      'SELECT disk_id, layers, sealed FROM disk_state WHERE disk_id = ANY($1)',
      [diskIds],
    );
    return new Map(rows.map(({ disk_id: diskId, layers, sealed }) => [diskId, { diskId, layers, sealed }]));
  }

  /** @throws V3Error VM_NOT_FOUND when the host is not the owner at that epoch, or the disk is deleted: nothing is written */
  async write(
    { vmId, vmName, host, epoch }: DiskOwner,
    states: DiskState[],
    manager: EntityManager,
  ): Promise<void> {
    const owned: unknown[] = await manager.query(
      'SELECT FROM vm WHERE id = $1 AND owner_host = $2 AND epoch = $3 FOR SHARE',
      [vmId, host, epoch],
    );
    if (owned.length === 0)
      throw new V3Error('VM_NOT_FOUND', `VM ${vmName} is not ${host}'s any more, and so are its disks`);
    for (const { diskId, layers, sealed } of states) {
      await translating(
        { disk_state_disk_id_fkey: ['VM_NOT_FOUND', `a disk of ${vmName} was deleted meanwhile`] },
        () => manager.getRepository(DiskStateEntity).upsert({ diskId, epoch, layers, sealed }, ['diskId']),
      );
    }
  }

  // ---- all of them -------------------------------------------------------------------------------------------

  /** All chains of layers that are named, by what names them. */
  async chains(
    manager: EntityManager,
  ): Promise<{ disks: string[][]; snapshots: string[][]; pinned: string[][] }> {
    const layers = async (query: string): Promise<string[][]> =>
      ((await manager.query(query)) as { layers: string[] }[]).map(row => row.layers);
    return {
      disks: await layers('SELECT layers FROM disk_state'),
      snapshots: await layers(
        `SELECT disk -> 'layers' AS layers FROM snapshot, jsonb_array_elements(disks) AS disk`,
      ),
      pinned: await layers(
        'SELECT base AS layers FROM vm_disk UNION ALL SELECT jsonb_build_array(layer) FROM disk_image',
      ),
    };
  }

  /** A layer has become a part of the one above it. */
  async drop(layer: string, manager: EntityManager): Promise<void> {
    await manager.query(`UPDATE disk_state SET layers = layers - $1::text WHERE layers ? $1`, [layer]);
    await manager.query(
      `UPDATE snapshot SET disks =
         (SELECT jsonb_agg(jsonb_set(disk, '{layers}', (disk -> 'layers') - $1::text) ORDER BY nr)
          FROM jsonb_array_elements(disks) WITH ORDINALITY AS each (disk, nr))
       WHERE jsonb_path_exists(disks, '$[*].layers[*] ? (@ == $layer)', jsonb_build_object('layer', $1::text))`,
      [layer],
    );
  }

  /** Images, then VMs' disks. */
  async all(): Promise<DiskRecord[]> {
    const rows: (Omit<DiskRecord, 'bytes'> & { bytes: string })[] = await this.dataSource.query(`
      SELECT name, NULL AS vm, NULL AS "vmId", bytes, false AS "readOnly", jsonb_build_array(layer) AS layers,
             true AS sealed, NULL AS image, created_at AS "createdAt"
      FROM disk_image
      UNION ALL
      SELECT vm.name || '/' || vm_disk.name, vm.name, vm.id, bytes, read_only, coalesce(layers, base),
             coalesce(sealed, true), vm_disk.image, vm.created_at
      FROM vm_disk JOIN vm ON vm.id = vm_id LEFT JOIN disk_state ON disk_id = vm_disk.id`);
    return rows.map(row => ({ ...row, bytes: Number(row.bytes) })).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  // ---- images ------------------------------------------------------------------------------------------------

  image(name: string): Promise<DiskImageEntity | null> {
    return this.dataSource.getRepository(DiskImageEntity).findOneBy({ name });
  }

  /** @throws V3Error DISK_EXISTS */
  async addImage(
    image: { name: string; bytes: number; layer: string },
    manager: EntityManager,
  ): Promise<void> {
    const exists = `a disk image named "${image.name}" exists; choose another name`;
    await translating({ disk_image_pkey: ['DISK_EXISTS', exists] }, () =>
      manager.getRepository(DiskImageEntity).insert(image),
    );
  }

  async removeImage(name: string): Promise<void> {
    await this.dataSource.getRepository(DiskImageEntity).delete({ name });
  }
}

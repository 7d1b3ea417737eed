import { V3Error, type ProjectKind } from '@v3vee/contracts';
import { DataSource, MoreThan } from 'typeorm';
import { translating } from '../constraints';
import { ProjectEntity } from '../entities';
import type { PageOf } from '../page';

export type ProjectQuotas = Partial<Pick<ProjectEntity, 'maxVms' | 'maxMemoryMiB' | 'maxSnapshotBytes'>>;
export interface ProjectUsage {
  vms: number;
  networks: number;
  memoryMiB: number;
  snapshotBytes: number;
}

export type OwnedKind = Exclude<ProjectKind, 'project' | 'point'>;

/** All of a kind: what a client may call it, and whose it is; null: of no project, and so anybody's. */
const things: Record<OwnedKind, string> = {
  vm: 'SELECT id::text, name, project FROM vm',
  network: 'SELECT id::text, name, project FROM network',
  snapshot: 'SELECT id::text, name, project FROM snapshot',
  disk: `SELECT vm.name || '/' || vm_disk.name AS id, NULL AS name, project FROM vm_disk JOIN vm ON vm.id = vm_id
         UNION ALL SELECT name, NULL, NULL FROM disk_image`,
  // It outlives its VM, and then is its operation's.
  migration: `SELECT moved.id::text, NULL AS name, coalesce(vm.project, operation.project) AS project
              FROM vm_migration AS moved LEFT JOIN vm ON vm.id = moved.vm_id
              LEFT JOIN operation ON operation.id = operation_id
              WHERE coalesce(vm.project, operation.project) IS NOT NULL`,
  operation: 'SELECT id::text, NULL AS name, project FROM operation WHERE project IS NOT NULL',
  route: `SELECT index::text AS id, NULL AS name, project
          FROM vnet_route JOIN network ON network.id = network_id`,
  link: `SELECT index::text AS id, vnet_link.name, project
         FROM vnet_link JOIN network ON network.id = network_id`,
  accessPoint: `SELECT access_point.name AS id, NULL AS name, project
                FROM access_point JOIN network ON network.id = network_id`,
};

/** Projects, and what is whose. */
export class ProjectRepository {
  constructor(private readonly dataSource: DataSource) {}

  private of() {
    return this.dataSource.getRepository(ProjectEntity);
  }

  get(name: string): Promise<ProjectEntity | null> {
    return this.of().findOneBy({ name });
  }

  /** By name. */
  list({ after, limit }: PageOf<string>): Promise<ProjectEntity[]> {
    return this.of().find({
      where: after === undefined ? {} : { name: MoreThan(after) },
      order: { name: 'ASC' },
      take: limit,
    });
  }

  /** @throws V3Error PROJECT_EXISTS */
  async create(project: { name: string } & ProjectQuotas): Promise<ProjectEntity> {
    const exists = `a project named "${project.name}" exists; choose another name`;
    await translating({ project_name_unique: ['PROJECT_EXISTS', exists] }, () =>
      this.of().insert({ maxVms: null, maxMemoryMiB: null, maxSnapshotBytes: null, ...project }),
    );
    return this.of().findOneByOrFail({ name: project.name });
  }

  async update(name: string, quotas: ProjectQuotas): Promise<void> {
    if (Object.keys(quotas).length > 0) await this.of().update({ name }, quotas);
  }

  /** @throws V3Error PROJECT_IN_USE */
  async remove(name: string): Promise<void> {
    const still = (what: string) => ['PROJECT_IN_USE', `project ${name} still has ${what}`] as const;
    await translating(
      {
        vm_project_exists: [...still('virtual machines; delete them first')],
        network_project_exists: [...still('networks; delete them first')],
        snapshot_project_exists: [...still('snapshots; delete them first')],
        user_project_exists: [...still('users; delete them first')],
        token_project_exists: [
          ...still('tokens, of which those of deleted users are gone; delete their users'),
        ],
      },
      () => this.of().delete({ name }),
    );
  }

  /** By project, of those that have anything. */
  async usage(): Promise<Map<string, ProjectUsage>> {
    const rows: ({ project: string } & Record<keyof ProjectUsage, string>)[] = await this.dataSource.query(`
      SELECT project, sum(vms) AS vms, sum(networks) AS networks, sum(memory) AS "memoryMiB",
             sum(bytes) AS "snapshotBytes"
      FROM (SELECT project, 1 AS vms, 0 AS networks, memory_mib AS memory, 0::bigint AS bytes FROM vm
            UNION ALL SELECT project, 0, 1, 0, 0 FROM network
            UNION ALL SELECT project, 0, 0, 0, bytes FROM snapshot WHERE kind = 'named') AS each
      GROUP BY project`);
    return new Map(
      rows.map(({ project, vms, networks, memoryMiB, snapshotBytes }) => [
        project,
        {
          vms: Number(vms),
          networks: Number(networks),
          memoryMiB: Number(memoryMiB),
          snapshotBytes: Number(snapshotBytes),
        },
      ]),
    );
  }

  /**
   * What a project's people mean by a name: its id, if that is theirs or anybody's. A name of theirs that is another
   * project's id means nothing, since an id goes before a name elsewhere.
   * @throws V3Error INVALID_REQUEST when several of theirs have that name
   */
  async resolve(project: string, kind: OwnedKind, idOrName: string): Promise<string | undefined> {
    const rows: { id: string; project: string | null }[] = await this.dataSource.query(
      `SELECT id, project FROM (${things[kind]}) AS thing
       WHERE id = $2 OR (name = $2 AND project = $1) ORDER BY id = $2 DESC LIMIT 2`,
      [project, idOrName],
    );
    if (rows.some(row => row.project !== null && row.project !== project)) return undefined;
    const [first, second] = rows;
    if (second && first?.id !== idOrName)
      throw new V3Error('INVALID_REQUEST', `several are named "${idOrName}"; give an id`);
    return first?.id;
  }

  /** Of these ids or names, those that are a project's, or anybody's. */
  async ofProject(project: string, kind: OwnedKind, keys: string[]): Promise<Set<string>> {
    if (keys.length === 0) return new Set();
    const rows: { id: string; name: string | null }[] = await this.dataSource.query(
      `SELECT id, name FROM (${things[kind]}) AS thing
       WHERE (project = $1 OR project IS NULL) AND (id = ANY($2) OR name = ANY($2))`,
      [project, keys],
    );
    return new Set(rows.flatMap(({ id, name }) => (name === null ? [id] : [id, name])));
  }
}

import { Injectable } from '@nestjs/common';
import { V3Error, type FieldError, type Topology } from '@v3vee/contracts';
import { ProjectRepository } from '@v3vee/store';
import type { Present } from './plan';

/** Projects that a cluster file names: they are there, and nothing changes over from one to another. */
@Injectable()
export class ProjectApply {
  constructor(private readonly projects: ProjectRepository) {}

  /** @throws V3Error CLUSTER_FILE_INVALID, before anything is changed */
  async assertPossible(declared: Topology, { vms, networks }: Present): Promise<void> {
    const present = {
      vms: new Map(vms.map(({ vm }) => [vm.name, vm.project])),
      networks: new Map(networks.map(({ name, project }) => [name, project])),
    };
    const fields: FieldError[] = [];
    for (const kind of ['networks', 'vms'] as const) {
      for (const [name, { project }] of Object.entries(declared[kind])) {
        if (project === undefined) continue;
        const path = `${kind}.${name}.project`;
        const now = present[kind].get(name);
        if (now !== undefined && now !== project)
          fields.push({ path, message: `${name} is of project ${now}, where it stays; delete it first` });
        else if (!(await this.projects.get(project)))
          fields.push({ path, message: `there is no project "${project}"; make it first` });
      }
    }
    if (fields.length === 0) return;
    const detail = fields.map(({ path, message }) => `${path}: ${message}`).join('; ');
    throw new V3Error('CLUSTER_FILE_INVALID', detail, { fields });
  }
}

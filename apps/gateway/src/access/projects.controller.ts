import { Controller } from '@nestjs/common';
import { DEFAULT_PROJECT, V3Error, type List, type Project } from '@v3vee/contracts';
import { ProjectRepository, type ProjectEntity, type ProjectUsage } from '@v3vee/store';
import { Endpoint, Input, type InputOf } from '../http/endpoint';
import { PageTokens } from '../http/page-tokens';

@Controller()
export class ProjectsController {
  constructor(
    private readonly projects: ProjectRepository,
    private readonly pages: PageTokens,
  ) {}

  @Endpoint('listProjects')
  async list(@Input() { query }: InputOf<'listProjects'>): Promise<List<Project>> {
    const { pageSize, pageToken } = query;
    const after = pageToken === undefined ? undefined : (this.pages.open('projects', pageToken) as string);
    const rows = await this.projects.list({ after, limit: pageSize + 1 });
    const usage = await this.projects.usage();
    return this.pages.page(
      'projects',
      rows,
      pageSize,
      project => project.name,
      project => view(project, usage),
    );
  }

  @Endpoint('getProject')
  async get(@Input() { params }: InputOf<'getProject'>): Promise<Project> {
    return this.show(params.project);
  }

  @Endpoint('createProject')
  async create(@Input() { body }: InputOf<'createProject'>): Promise<Project> {
    return view(await this.projects.create(body), new Map());
  }

  @Endpoint('updateProject')
  async update(@Input() { params, body }: InputOf<'updateProject'>): Promise<Project> {
    await this.projects.update(params.project, body);
    return this.show(params.project);
  }

  @Endpoint('deleteProject')
  async delete(@Input() { params }: InputOf<'deleteProject'>): Promise<object> {
    const { name } = await this.show(params.project);
    if (name === DEFAULT_PROJECT)
      throw new V3Error('PROJECT_IN_USE', `project ${name} stays: all is of it that nobody puts elsewhere`);
    await this.projects.remove(name);
    return {};
  }

  private async show(name: string): Promise<Project> {
    const project = await this.projects.get(name);
    if (!project) throw new V3Error('PROJECT_NOT_FOUND', `there is no project "${name}"`);
    return view(project, await this.projects.usage());
  }
}

const NOTHING: ProjectUsage = { vms: 0, networks: 0, memoryMiB: 0, snapshotBytes: 0 };

function view(project: ProjectEntity, usage: ReadonlyMap<string, ProjectUsage>): Project {
  const { name, maxVms, maxMemoryMiB, maxSnapshotBytes, createdAt } = project;
  return {
    ...{ name, maxVms, maxMemoryMiB, maxSnapshotBytes },
    ...(usage.get(name) ?? NOTHING),
    createdAt: createdAt.toISOString(),
  };
}

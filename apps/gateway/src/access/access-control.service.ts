import { Injectable } from '@nestjs/common';
import {
  airPoint,
  isAtLeast,
  projectKinds,
  V3Error,
  type Access,
  type ErrorCode,
  type ProjectKind,
} from '@v3vee/contracts';
import { ProjectRepository, type OwnedKind } from '@v3vee/store';
import type { Identity } from './identity';

/** What is not there, and what is another project's, are told in the same words. */
const absent: Record<ProjectKind, [ErrorCode, (name: string) => string]> = {
  vm: ['VM_NOT_FOUND', name => `there is no virtual machine "${name}"`],
  network: ['NETWORK_NOT_FOUND', name => `there is no network "${name}"`],
  snapshot: ['SNAPSHOT_NOT_FOUND', name => `there is no snapshot "${name}"`],
  disk: ['DISK_NOT_FOUND', name => `there is no disk "${name}"`],
  migration: ['MIGRATION_NOT_FOUND', name => `there is no migration "${name}"`],
  operation: ['OPERATION_NOT_FOUND', name => `there is no operation "${name}"`],
  route: ['VNET_ROUTE_NOT_FOUND', name => `there is no route "${name}"`],
  link: ['VNET_LINK_NOT_FOUND', name => `there is no link "${name}"`],
  accessPoint: ['ACCESS_POINT_NOT_FOUND', name => `there is no access point "${name}"`],
  project: ['PROJECT_NOT_FOUND', name => `there is no project "${name}"`],
  point: ['CAPTURE_POINT_NOT_FOUND', name => `there is no capture point ${name}`],
};
export const isProjectKind = (scope: string): scope is ProjectKind =>
  (projectKinds as readonly string[]).includes(scope);

/** The one place where it is decided who may do what, by what the contract's tables declare. */
@Injectable()
export class AccessControl {
  constructor(private readonly projects: ProjectRepository) {}

  /** @throws V3Error PERMISSION_DENIED */
  assertMay({ user, role, project }: Identity, [least, scope]: Access): void {
    if (!isAtLeast(role, least))
      throw new V3Error('PERMISSION_DENIED', `${user} is ${role} here, and this takes ${article(least)}`);
    if (scope === 'cluster' && project !== null)
      throw new V3Error(
        'PERMISSION_DENIED',
        `this is about the whole cluster, and ${user} is confined to project ${project}`,
      );
  }

  /**
   * Lets a request pass, or not.
   * @param names of the things that it is about, by kind: as its path names them, `point` as its query does
   * @returns the same by id, for who is confined: so no name means another thing to whoever looks it up next
   * @throws V3Error PERMISSION_DENIED, and the error of what is not there or another project's
   */
  async admit(
    identity: Identity,
    access: Access,
    names: Readonly<Record<string, string | undefined>>,
  ): Promise<Record<string, string>> {
    this.assertMay(identity, access);
    const [, scope] = access;
    const name = names[scope];
    if (identity.project === null || name === undefined || !isProjectKind(scope)) return {};
    return { [scope]: await this.resolve(identity.project, scope, name) };
  }

  /** @throws V3Error the one of what is not there */
  async resolve(project: string, kind: ProjectKind, name: string): Promise<string> {
    const found = await this.look(project, kind, name);
    if (found !== undefined) return found;
    const [code, words] = absent[kind];
    throw new V3Error(code, words(name));
  }

  private async look(project: string, kind: ProjectKind, name: string): Promise<string | undefined> {
    if (kind === 'project') return name === project ? name : undefined;
    return kind === 'point' ? this.point(project, name) : this.projects.resolve(project, kind, name);
  }

  /** Of VMs and links, never of what many share: a host or its radios. */
  private async point(project: string, text: string): Promise<string | undefined> {
    const onAir = airPoint(text);
    const [head = '', tail = ''] = (onAir ?? text).split('/');
    const kind: OwnedKind | undefined = /^(net|eth|wlan)[0-3]$/.test(tail)
      ? 'vm'
      : head === 'link' && onAir === undefined
        ? 'link'
        : undefined;
    const id = kind && (await this.projects.resolve(project, kind, kind === 'vm' ? head : tail));
    if (id === undefined) return undefined;
    // The air tells a VM by its name.
    if (onAir !== undefined) return text;
    return kind === 'vm' ? `${id}/${tail}` : `link/${id}`;
  }
}

const article = (word: string): string => `${/^[aeiou]/.test(word) ? 'an' : 'a'} ${word}`;

import type { AccessToken, AuditEntry, Project, User } from '@v3vee/contracts';
import { formatAge, formatBytes, formatMiB } from './terminal/quantities';
import type { Column } from './terminal/table';

export const userColumns: Column<User>[] = [
  { title: 'NAME', value: user => user.name },
  { title: 'ROLE', value: user => user.role },
  { title: 'PROJECT', value: user => user.project ?? 'all' },
  { title: 'STATE', value: user => (user.disabled ? 'DISABLED' : 'ENABLED') },
  { title: 'TOKENS', value: user => user.tokens },
  { title: 'AGE', value: user => formatAge(user.createdAt) },
];

export const tokenColumns: Column<AccessToken>[] = [
  { title: 'ID', value: token => token.id },
  { title: 'USER', value: token => token.user },
  { title: 'PROJECT', value: token => token.project ?? 'all' },
  { title: 'STATE', value: token => token.state },
  { title: 'EXPIRES', value: token => token.expiresAt ?? 'never' },
  { title: 'USED', value: token => (token.usedAt === null ? 'never' : `${formatAge(token.usedAt)} ago`) },
  { title: 'AGE', value: token => formatAge(token.createdAt) },
];

const of = (used: string | number, most: string | number | null) => `${used} of ${most ?? 'any'}`;

/** What it has, of what it may have. */
export const projectColumns: Column<Project>[] = [
  { title: 'NAME', value: project => project.name },
  { title: 'VMS', value: project => of(project.vms, project.maxVms) },
  {
    title: 'MEMORY',
    value: ({ memoryMiB, maxMemoryMiB: most }) =>
      of(formatMiB(memoryMiB), most === null ? null : formatMiB(most)),
  },
  {
    title: 'SNAPSHOTS',
    value: ({ snapshotBytes, maxSnapshotBytes: most }) =>
      of(formatBytes(snapshotBytes), most === null ? null : formatBytes(most)),
  },
  { title: 'NETWORKS', value: project => project.networks },
  { title: 'AGE', value: project => formatAge(project.createdAt) },
];

export const auditColumns: Column<AuditEntry>[] = [
  { title: 'AT', value: entry => entry.at },
  { title: 'USER', value: entry => entry.user ?? '?' },
  { title: 'FROM', value: entry => entry.from },
  { title: 'ACTION', value: entry => entry.action },
  { title: 'TARGET', value: entry => entry.target },
  { title: 'OUTCOME', value: entry => `${entry.status}${entry.code === null ? '' : ` ${entry.code}`}` },
  { title: 'PROJECT', value: entry => entry.project ?? '', wide: true },
  { title: 'TOKEN', value: entry => entry.token ?? '', wide: true },
  { title: 'REQUEST', value: entry => entry.requestId ?? '', wide: true },
];

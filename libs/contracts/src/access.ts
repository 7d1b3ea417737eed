/**
 * Who may do what. Each endpoint says which role it takes at least, and how far what it is about belongs to a project;
 * the gateway enforces both in one place.
 */
import { z } from 'zod';
import { interval, resourceName } from './quantities';

/** Each may do what those before it may. */
export const roles = ['viewer', 'operator', 'admin'] as const;
export const role = z.enum(roles);
export type Role = (typeof roles)[number];
export const isAtLeast = (held: Role, least: Role): boolean => roles.indexOf(held) >= roles.indexOf(least);

/** Where all is that nobody put elsewhere. */
export const DEFAULT_PROJECT = 'default';

/** What belongs to a project, by itself or by its VM or network. */
export const projectKinds = [
  'vm',
  'network',
  'snapshot',
  'disk',
  'migration',
  'operation',
  'route',
  'link',
  'accessPoint',
  'project',
  'point',
] as const;
export type ProjectKind = (typeof projectKinds)[number];

/**
 * `shared`: the same for all projects. `cluster`: of all projects together, so not for who is confined to one. A kind of
 * things: a parameter of that name is looked at, and a list has only those of the caller's project.
 */
export type Scope = 'shared' | 'cluster' | ProjectKind;
export type Access = readonly [least: Role, scope: Scope];

const instant = z.iso.datetime().describe('RFC 3339, UTC');

/** More than that no cluster has, and the store counts no further. */
const MOST = 2 ** 31 - 1;
const atMost = z.int().min(0).max(MOST, `a quota is at most ${MOST}; null is no limit`);

/** Null: as much as there is. */
const quotas = {
  maxVms: atMost.nullable().describe('VMs that are defined'),
  maxMemoryMiB: atMost.nullable().describe('of all its VMs together, running or not'),
  maxSnapshotBytes: z
    .int()
    .min(0)
    .nullable()
    .describe('of all its named snapshots together, as they were when they were taken'),
};
export const projectSpec = z.strictObject({ name: resourceName, ...z.object(quotas).partial().shape });
export type ProjectSpec = z.infer<typeof projectSpec>;
export const projectPatch = z.strictObject(quotas).partial();
export type ProjectPatch = z.infer<typeof projectPatch>;
export const project = z.object({
  name: resourceName,
  ...quotas,
  vms: z.int(),
  networks: z.int(),
  memoryMiB: z.int(),
  snapshotBytes: z.int(),
  createdAt: instant,
});
export type Project = z.infer<typeof project>;

const ofProject = resourceName.nullable().describe('confined to this project; null: to none');

export const userSpec = z
  .strictObject({ name: resourceName, role, project: resourceName.nullable().default(null) })
  .superRefine((user, ctx) => {
    if (user.role !== 'admin' || user.project === null) return;
    const message = 'an admin is of no project; leave it out, or make the user an operator';
    ctx.addIssue({ code: 'custom', path: ['project'], message });
  });
export type UserSpec = z.infer<typeof userSpec>;
export const userPatch = z
  .strictObject({ role, disabled: z.boolean().describe('no token of it is good as long as it is') })
  .partial();
export type UserPatch = z.infer<typeof userPatch>;
export const user = z.object({
  name: resourceName,
  role,
  project: ofProject,
  tokens: z.int().describe('that are good now'),
  disabled: z.boolean().describe('no token of it is good as long as it is'),
  createdAt: instant,
});
export type User = z.infer<typeof user>;

/** Of about ten years: what is longer was mistyped. */
const MAX_TOKEN_SECONDS = 3650 * 86_400;
export const tokenSpec = z.strictObject({
  user: resourceName,
  project: resourceName.optional().describe('confines it; a user’s own project stays the user’s'),
  expiresIn: interval
    .refine(length => length <= MAX_TOKEN_SECONDS, { message: 'a token is good for 3650d at most' })
    .optional()
    .describe('seconds, or text such as 30d; none: until it is revoked'),
});
export type TokenSpec = z.infer<typeof tokenSpec>;
export const tokenStates = ['VALID', 'EXPIRED', 'REVOKED', 'DISABLED'] as const;
export const accessToken = z.object({
  id: z.uuid(),
  user: resourceName,
  project: ofProject,
  state: z.enum(tokenStates).describe('DISABLED: its user is, and it is good again when that is enabled'),
  createdAt: instant,
  expiresAt: instant.nullable(),
  revokedAt: instant.nullable(),
  usedAt: instant.nullable().describe('last, to the minute'),
});
export type AccessToken = z.infer<typeof accessToken>;
export const newToken = accessToken.extend({
  token: z.string().describe('the secret: it is shown only now'),
});
export type NewToken = z.infer<typeof newToken>;

/** Who somebody is to the gateway. */
export const self = z.object({
  user: z.string(),
  role,
  project: ofProject,
  expiresAt: instant.nullable(),
});
export type Self = z.infer<typeof self>;

export const auditOutcomes = ['done', 'refused', 'failed'] as const;
export type AuditOutcome = (typeof auditOutcomes)[number];
/** Of HTTP: who asked may not, or not now. All of them are written down. */
export const refusedStatuses: readonly number[] = [401, 403, 421, 429];

/** @param status of HTTP; 0: the client left before the answer */
export function outcomeOf(status: number): AuditOutcome {
  if (refusedStatuses.includes(status)) return 'refused';
  return status > 0 && status < 400 ? 'done' : 'failed';
}
const anyInstant = z.iso.datetime({ offset: true });
/** All of what is given has to fit. */
export const auditFilter = z.strictObject({
  user: z.string().optional(),
  action: z.string().optional().describe('name of the endpoint, or method where there is none'),
  target: z.string().optional().describe('a part of the address'),
  outcome: z
    .enum(auditOutcomes)
    .optional()
    .describe(`refused: ${refusedStatuses.join(', ')}; failed: other errors, and 0`),
  since: anyInstant.optional().describe('RFC 3339; from then on'),
  until: anyInstant.optional().describe('RFC 3339; before then'),
});
export type AuditFilter = z.infer<typeof auditFilter>;

export const auditEntry = z.object({
  id: z.int(),
  at: z.iso.datetime({ precision: 3 }),
  user: z.string().nullable().describe('null: nobody whom we know'),
  token: z.uuid().nullable().describe('null: the administrator’s own, or none that is good'),
  project: resourceName.nullable(),
  action: z.string().describe('name of the endpoint, or method where there is none'),
  target: z.string().describe('the address that was asked for'),
  from: z.string().describe('IP address'),
  status: z.int().describe('of HTTP; 0: the client left before the answer; 101: a console was opened'),
  outcome: z.enum(auditOutcomes),
  code: z.string().nullable().describe('of the error'),
  requestId: z.string().nullable(),
});
export type AuditEntry = z.infer<typeof auditEntry>;

/** How a browser gets in: with a login code that is good once, or the token, for a session of its own. */
import { z } from 'zod';
import { role } from './access';
import { resourceName } from './quantities';
import { endpoint } from './rest-endpoint';

const instant = z.iso.datetime().describe('RFC 3339, UTC');
const noBody = z.strictObject({}).optional();

export const login = z.object({
  code: z.string().describe('good once, as the bearer token of `createSession`'),
  expiresAt: instant,
});
export type Login = z.infer<typeof login>;

export const session = z.object({
  token: z.string().describe('a bearer token until it expires'),
  expiresAt: instant,
  user: z.string(),
  role,
  project: resourceName.nullable().describe('confined to this project; null: to none'),
});
export type Session = z.infer<typeof session>;

export const sessionEndpoints = {
  createLogin: endpoint({
    method: 'POST',
    path: '/logins',
    summary: 'Make a code that opens the web console once, within two minutes',
    tag: 'sessions',
    access: ['viewer', 'shared'],
    body: noBody,
    response: login,
    status: 201,
    errors: [],
  }),
  createSession: endpoint({
    method: 'POST',
    path: '/sessions',
    summary: 'Begin a session; the bearer token of this request is a login code or a token',
    tag: 'sessions',
    access: ['viewer', 'shared'],
    body: noBody,
    response: session,
    status: 201,
    errors: [],
  }),
} as const;

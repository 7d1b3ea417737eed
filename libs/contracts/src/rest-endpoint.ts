import { z } from 'zod';
import type { Access } from './access';
import type { ErrorCode } from './errors';

export interface Endpoint {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** OpenAPI path template below `/v1`. */
  readonly path: string;
  readonly summary: string;
  readonly tag: string;
  /** The role that it takes at least, and how far what it is about belongs to a project. */
  readonly access: Access;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  readonly response: z.ZodType;
  readonly status: 200 | 201 | 202;
  readonly errors: readonly ErrorCode[];
}

export const endpoint = <const E extends Endpoint>(e: E): E => e;

export const page = z.strictObject({
  pageSize: z.coerce.number().int().min(1).max(1000).default(100),
  pageToken: z.string().optional(),
});
export const repeatable = z.strictObject({
  requestId: z.uuid().optional().describe('the same id and request again returns the first result'),
});
export const nothing = z.object({});

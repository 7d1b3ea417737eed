import type { EndpointName, Operation, ResponseOf, rest } from '@v3vee/contracts';
import type { z } from 'zod';

type Table = typeof rest;

/** The names in braces of a path: `/vms/{vm}:start` → `'vm'`. */
type PathParameter<P extends string> = P extends `${string}{${infer Name}}${infer Rest}`
  ? Name | PathParameter<Rest>
  : never;

/** What fills in an endpoint's path. */
export type ParamsOf<N extends EndpointName> = Record<PathParameter<Table[N]['path']>, string>;

/** Its query as a caller writes it (defaults may be left out). */
export type QueryOf<N extends EndpointName> = Table[N] extends { query: infer Q extends z.ZodType }
  ? z.input<Q>
  : never;

type BodySchema<N extends EndpointName> = Table[N] extends { body: infer B extends z.ZodType } ? B : never;

/** The endpoints that answer with an operation to wait for. */
export type OperationEndpoint = {
  [N in EndpointName]: ResponseOf<N> extends Operation
    ? Operation extends ResponseOf<N>
      ? N
      : never
    : never;
}[EndpointName];

/** The endpoints that answer with pages. */
export type ListEndpoint = {
  [N in EndpointName]: ResponseOf<N> extends { items: unknown[]; nextPageToken: string } ? N : never;
}[EndpointName];

/** What fills in a list's path, where that has something to fill in. */
export type ListParams<N extends ListEndpoint> = [keyof ParamsOf<N>] extends [never]
  ? [params?: undefined]
  : [params: ParamsOf<N>];

export interface Limits {
  /** Ends the call from outside; the call then rejects with the signal's reason. */
  signal?: AbortSignal;
  /** How long one attempt may take, ms. */
  timeoutMs?: number;
}

/** `body` is required exactly where the endpoint requires one. */
export type CallOptions<N extends EndpointName> = Limits & { query?: QueryOf<N> } & ([BodySchema<N>] extends [
    never,
  ]
    ? { body?: undefined }
    : undefined extends z.input<BodySchema<N>>
      ? { body?: z.input<BodySchema<N>> }
      : { body: z.input<BodySchema<N>> });

/** The options may be left out where nothing in them is required. */
export type CallArguments<N extends EndpointName, Extra = unknown> =
  Record<string, never> extends CallOptions<N>
    ? [options?: CallOptions<N> & Extra]
    : [options: CallOptions<N> & Extra];

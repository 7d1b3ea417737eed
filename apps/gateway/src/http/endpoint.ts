import {
  applyDecorators,
  createParamDecorator,
  Delete,
  Get,
  HttpCode,
  Patch,
  Post,
  Put,
  SetMetadata,
  type ExecutionContext,
} from '@nestjs/common';
import {
  rest,
  streams,
  type Endpoint as Contract,
  type EndpointName,
  type ParsedBodyOf,
  type StreamName,
} from '@v3vee/contracts';
import type { IncomingMessage } from 'node:http';
import type { Identity } from '../access/identity';
import type { z } from 'zod';

export const ENDPOINT = 'v3vee:endpoint';
export const STREAM = 'v3vee:stream';

type ParameterNames<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? Name | ParameterNames<Rest>
  : never;
type Table = typeof rest;
type QueryOf<N extends EndpointName> = Table[N] extends { query: infer Q extends z.ZodType }
  ? z.output<Q>
  : Record<string, never>;

/** Who asked, and under which request id if it had one. */
export interface Caller {
  actor: string;
  requestId: string | undefined;
  /** Absent: the gateway itself. */
  identity?: Identity;
}

/** A request to an endpoint of the table, after validation. */
export interface InputOf<N extends EndpointName> {
  params: Record<ParameterNames<Table[N]['path']>, string>;
  query: QueryOf<N>;
  body: ParsedBodyOf<N>;
  caller: Caller;
}

/** What travels with an express request between authentication, validation and the handler. */
export interface Carried {
  identity?: Identity;
  /** Name of the endpoint, once it is known. */
  action?: string;
  /** `point` of the query, with its VM or link by id. */
  point?: string;
  /** Why it was refused. */
  code?: string;
  input?: { params: Record<string, string>; query: unknown; body: unknown; caller: Caller };
}
export const carried = (request: IncomingMessage): Carried => request as unknown as Carried;

const methods = { GET: Get, POST: Post, PUT: Put, PATCH: Patch, DELETE: Delete };

/** `/vms/{vm}:start` of the table as a route of express: `v1/vms/:vm\:start`. */
export function routeOf(path: string): string {
  return `v1${path.replaceAll(':', '\\:').replaceAll(/\{(\w+)\}/g, ':$1')}`;
}

/** Makes a controller's method the handler of an endpoint of the contract's table. */
export function Endpoint(name: EndpointName): MethodDecorator {
  const contract: Contract = rest[name];
  return applyDecorators(
    methods[contract.method](routeOf(contract.path)),
    HttpCode(contract.status),
    SetMetadata(ENDPOINT, name),
  );
}

/** Makes a controller's method the handler of an address that takes or answers other than JSON. */
export function Stream(name: Exclude<StreamName, 'console'>): MethodDecorator {
  const { method, path } = streams[name];
  return applyDecorators(methods[method](routeOf(path.replace('/v1', ''))), SetMetadata(STREAM, name));
}

/** The validated request: `@Input() { body }: InputOf<'createVm'>`. */
export const Input = createParamDecorator(
  (_: unknown, context: ExecutionContext) => carried(context.switchToHttp().getRequest()).input,
);

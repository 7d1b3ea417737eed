import type { OutgoingHttpHeaders } from 'node:http';
import type { Metadata } from '@grpc/grpc-js';
import { rest, restStreams, V3Error, type Endpoint, type RestStream } from '@v3vee/contracts';
import { BODY, fromWire, MASK, maskedBody, TEXT, type Rpc, type Wire } from '@v3vee/grpc';
import { contextHeaders } from '@v3vee/tracing';

/** An RPC's request as the REST request that it stands for. */
export interface RestRequest {
  method: string;
  path: string;
  headers: OutgoingHttpHeaders;
  /** None: nothing, or bytes that are yet to come. */
  body: string | undefined;
}

/** @throws V3Error INVALID_REQUEST where there is no such REST request */
export function restRequest(rpc: Rpc, wire: Wire, metadata: Metadata): RestRequest {
  const endpoint = (rest as Record<string, Endpoint>)[rpc.name];
  const stream = (restStreams as Record<string, RestStream>)[rpc.name];
  const { method, path, query } = endpoint
    ? { ...endpoint, path: `/v1${endpoint.path}` }
    : (stream as RestStream);
  const json = fromWire(rpc.request, wire, 'request');
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => pathPart(name, json[name]));
  const search = new URLSearchParams();
  for (const name of Object.keys(query?.shape ?? {})) {
    const value = json[name];
    if (value !== undefined) search.set(name, String(value));
  }
  const body = endpoint ? jsonBody(rpc, endpoint, wire, json) : (json[TEXT] as string | undefined);
  const authorization = metadata.get('authorization')[0];
  return {
    method,
    path: search.size > 0 ? `${filled}?${search}` : filled,
    headers: {
      ...contextHeaders(),
      ...(authorization === undefined ? {} : { authorization: String(authorization) }),
      ...(body === undefined
        ? {}
        : {
            'content-type': endpoint ? 'application/json' : 'text/plain; charset=utf-8',
            'content-length': Buffer.byteLength(body),
          }),
    },
    body,
  };
}

function pathPart(name: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') return encodeURIComponent(value);
  const message = 'a string is required here';
  throw new V3Error('INVALID_REQUEST', `${name}: ${message}`, { fields: [{ path: name, message }] });
}

function jsonBody(
  rpc: Rpc,
  { body }: Endpoint,
  wire: Wire,
  json: Record<string, unknown>,
): string | undefined {
  if (!body) return undefined;
  const field = rpc.request.fields.find(({ name }) => name === BODY);
  if (!field) return '{}';
  const paths = json[MASK] as string[] | undefined;
  if (paths && field.type.kind === 'message')
    return JSON.stringify(maskedBody(field.type.message, wire[field.proto] as Wire | undefined, paths));
  return JSON.stringify(json[BODY] ?? {});
}

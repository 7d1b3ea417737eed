import { V3Error, type ErrorCode } from '@v3vee/contracts';
import { ATTRIBUTE, beginSpan, remoteContext } from '@v3vee/tracing';
import type { NextFunction, Request, Response } from 'express';
import { templateOf } from '../metrics';
import { carried } from './endpoint';
import { requestIdOf } from './request-id';

/** A span of each request to the API, in the trace that the client is in, if it says so. */
export function traceRequest(request: Request, response: Response, next: NextFunction): void {
  const { method, headers } = request;
  const parent = remoteContext(name => {
    const value = headers[name];
    return typeof value === 'string' ? value : undefined;
  });
  const span = beginSpan(method, {
    kind: 'SERVER',
    parent,
    attributes: {
      [ATTRIBUTE.method]: method,
      // Without the query, which may hold what somebody searched for.
      [ATTRIBUTE.path]: request.originalUrl.split('?', 1)[0],
      [ATTRIBUTE.requestId]: requestIdOf(request),
    },
  });
  response.once('close', () => {
    const route = templateOf(request);
    const { code } = carried(request);
    if (route) span.name(`${method} ${route}`);
    span.set({ [ATTRIBUTE.status]: response.statusCode, ...(route && { [ATTRIBUTE.route]: route }) });
    // What the client did wrong is no failure of ours.
    if (code !== undefined && response.statusCode < 500) span.set({ [ATTRIBUTE.error]: code });
    if (response.statusCode < 500) span.end();
    else span.end(new V3Error((code as ErrorCode | undefined) ?? 'INTERNAL', ''));
  });
  span.run(next);
}

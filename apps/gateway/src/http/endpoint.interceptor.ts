import { CallHandler, ExecutionContext, Injectable, NestInterceptor } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { rest, validate, type Endpoint, type EndpointName } from '@v3vee/contracts';
import type { Request } from 'express';
import { defer, type Observable } from 'rxjs';
import { z } from 'zod';
import { carried, ENDPOINT } from './endpoint';
import { RepeatableRequests } from './repeatable-requests';

const noQuery = z.strictObject({});
const noBody = z.strictObject({}).optional();

/**
 * Between the routes and the controllers: checks each request against the contract's table, and lets one that
 * has a request id take effect only once.
 */
@Injectable()
export class EndpointInterceptor implements NestInterceptor {
  constructor(
    private readonly reflector: Reflector,
    private readonly repeatable: RepeatableRequests,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const name = this.reflector.get<EndpointName | undefined>(ENDPOINT, context.getHandler());
    if (name === undefined) return next.handle();
    const request = context.switchToHttp().getRequest<Request>();
    const endpoint: Endpoint = rest[name];
    const query = validate(endpoint.query ?? noQuery, request.query) as { requestId?: string };
    // A DELETE or GET may come with `{}` or with nothing.
    const code = endpoint.errors.includes('CLUSTER_FILE_INVALID')
      ? 'CLUSTER_FILE_INVALID'
      : 'INVALID_REQUEST';
    const body: unknown = validate(endpoint.body ?? noBody, request.body, code);
    const params = request.params as Record<string, string>;
    const { actor = '' } = carried(request);
    const requestId = query.requestId?.toLowerCase();
    carried(request).input = { params, query, body, caller: { actor, requestId } };
    if (requestId === undefined) return next.handle();
    const { requestId: _, ...filters } = query;
    const identity = { name, params, query: filters, body };
    return defer(() => this.repeatable.once(requestId, identity, endpoint.status, () => next.handle()));
  }
}

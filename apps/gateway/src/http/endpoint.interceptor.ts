import { CallHandler, ExecutionContext, Injectable, NestInterceptor } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { rest, V3Error, validate, type Endpoint, type EndpointName } from '@v3vee/contracts';
import type { Request } from 'express';
import { defer, from, mergeMap, type Observable } from 'rxjs';
import { z } from 'zod';
import { AccessControl } from '../access/access-control.service';
import { ProjectFilter } from '../access/project-filter.service';
import { carried, ENDPOINT } from './endpoint';
import { RepeatableRequests } from './repeatable-requests';

const noQuery = z.strictObject({});
const noBody = z.strictObject({}).optional();

/**
 * Between the routes and the controllers: checks each request against the contract's table, lets one that has a request
 * id take effect only once, and answers those who are confined to a project with what is of it.
 */
@Injectable()
export class EndpointInterceptor implements NestInterceptor {
  constructor(
    private readonly reflector: Reflector,
    private readonly repeatable: RepeatableRequests,
    private readonly control: AccessControl,
    private readonly filter: ProjectFilter,
  ) {}

  async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
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
    const { identity } = carried(request);
    // The guard comes first, and lets nobody pass whom it does not know.
    if (!identity) throw new V3Error('INTERNAL', 'a request without a caller');
    const { user: actor, project } = identity;
    if (project !== null) await this.assertOwn(project, body);
    const requestId = query.requestId?.toLowerCase();
    carried(request).input = { params, query, body, caller: { actor, requestId, identity } };
    const handle = () =>
      project === null
        ? next.handle()
        : next.handle().pipe(mergeMap(answer => from(this.filter.apply(project, name, answer))));
    if (requestId === undefined) return handle();
    const { requestId: _, ...filters } = query;
    const whole = { name, params, query: filters, body, ...(identity.tokenId && { actor, project }) };
    return defer(() => this.repeatable.once(requestId, whole, endpoint.status, handle));
  }

  /** What a body names is the caller's too. @throws V3Error VM_NOT_FOUND, NETWORK_NOT_FOUND, PROJECT_NOT_FOUND */
  private async assertOwn(project: string, body: unknown): Promise<void> {
    for (const kind of ['vm', 'network', 'project'] as const) {
      const name = (body as Record<string, unknown> | undefined)?.[kind];
      if (typeof name === 'string') await this.control.resolve(project, kind, name);
    }
  }
}

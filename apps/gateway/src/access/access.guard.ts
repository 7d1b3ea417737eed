import { CanActivate, ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { rest, streams, V3Error, type Access, type EndpointName, type StreamName } from '@v3vee/contracts';
import type { Request } from 'express';
import { carried, ENDPOINT, STREAM } from '../http/endpoint';
import { AccessControl } from './access-control.service';

/** Before every handler: what the contract's tables declare of it holds for whoever asks. */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly control: AccessControl,
  ) {}

  /** @throws V3Error PERMISSION_DENIED, and the error of what is not there or another project's */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<Request>();
    const travelling = carried(request);
    const { identity } = travelling;
    // Health and metrics: nobody is asked for there.
    if (!identity && !/^\/v1(\/|$)/i.test(request.path)) return true;
    const declared = this.declared(context);
    if (!identity || !declared)
      throw new V3Error('INTERNAL', `${request.method} ${request.path} does not say who may use it`);
    travelling.action = declared.name;
    const point = typeof request.query.point === 'string' ? request.query.point : undefined;
    const params = request.params as Record<string, string>;
    const { point: pinned, ...ids } = await this.control.admit(identity, declared.access, {
      ...params,
      point,
    });
    Object.assign(params, ids);
    travelling.point = pinned;
    return true;
  }

  private declared(context: ExecutionContext): { name: string; access: Access } | undefined {
    const handler = context.getHandler();
    const endpoint = this.reflector.get<EndpointName | undefined>(ENDPOINT, handler);
    if (endpoint !== undefined) return { name: endpoint, access: rest[endpoint].access };
    const stream = this.reflector.get<StreamName | undefined>(STREAM, handler);
    return stream && { name: stream, access: streams[stream].access };
  }
}

import type { NestExpressApplication } from '@nestjs/platform-express';
import { MAX_BODY_BYTES, VNET_CONTROL_PATH } from '@v3vee/contracts';
import { isTracing } from '@v3vee/tracing';
import type { NextFunction, Request, Response } from 'express';
import { AuditLog } from '../access/audit-log.service';
import { Authentication } from '../access/authentication.service';
import { OpenConnections } from '../access/open-connections';
import { RateLimits } from '../access/rate-limits';
import { serveConsole } from '../console-pages/serve-console';
import { serveDocs } from '../docs/serve-docs';
import { watchAddress } from '../events/watch-address';
import { GatewayMetrics } from '../metrics';
import { carried } from './endpoint';
import { LoginCodes } from './login-codes';
import { requireSameOrigin } from './origin';
import { ProblemFilter } from './problem.filter';
import { asV3Error } from './public-error';
import { requestIdOf } from './request-id';
import { ServerNames } from './server-name';
import { Tokens } from './token';
import { traceRequest } from './trace-request';
import { answerUnreadable } from './unreadable';

/** Blobs are streamed to the disk by their controller. */
const isBlob = (request: { url?: string }): boolean => /^\/(v1\/)?blobs\//i.test(request.url ?? '');

/** Lines of text, whatever content type a client claims. */
const isControl = (request: { url?: string }): boolean =>
  (request.url ?? '').split('?', 1)[0]?.toLowerCase().replace(/\/$/, '') === VNET_CONTROL_PATH;

/** The one thing that a login code is good for. */
const isLogin = (request: Request): boolean =>
  request.method === 'POST' && /^\/sessions\/?$/i.test(request.path);

/** What every request passes before it reaches a route, in this order. */
export function configureHttp(app: NestExpressApplication): void {
  const authentication = app.get(Authentication);
  const codes = app.get(LoginCodes);
  const audit = app.get(AuditLog);
  const limits = app.get(RateLimits);
  const connections = app.get(OpenConnections);
  const names = app.get(ServerNames);
  answerUnreadable(app.getHttpServer());
  app.use((request: Request, response: Response, next: NextFunction) => {
    response.setHeader('X-Request-Id', requestIdOf(request));
    // What a guest or a stranger wrote is never taken for something else than it is said to be.
    response.setHeader('X-Content-Type-Options', 'nosniff');
    next();
  });
  app.use(app.get(GatewayMetrics).middleware);
  if (isTracing()) app.use('/v1', traceRequest);
  app.use('/v1', (request: Request, response: Response, next: NextFunction) => {
    audit.follow(request, response);
    next();
  });
  app.use((request: Request, _: Response, next: NextFunction) => {
    names.require(request.headers);
    next();
  });
  serveDocs(app);
  serveConsole(app);
  app.use('/v1', (request: Request, _: Response, next: NextFunction) => {
    const enter = async () => {
      requireSameOrigin(request.headers);
      const code = Tokens.bearer(request.headers.authorization);
      const identity = await connections.enter(request.socket, async () =>
        isLogin(request) && LoginCodes.isCode(code)
          ? codes.redeem(code)
          : authentication.identify(request.headers.authorization),
      );
      carried(request).identity = identity;
      if (identity.tokenId !== null) limits.take(identity.tokenId);
    };
    enter().then(() => next(), next);
  });
  app.use(watchAddress);
  app.useBodyParser('text', { limit: MAX_BODY_BYTES, type: isControl });
  // Whatever content type a client claims, a body elsewhere is JSON; `strict: false` lets our own validation speak.
  app.useBodyParser('json', {
    limit: MAX_BODY_BYTES,
    strict: false,
    type: request => !isBlob(request) && !isControl(request),
  });
  // Before Nest sees them: it makes one kind of error of all that express and its parsers throw.
  app.use((thrown: unknown, _: Request, __: Response, next: NextFunction) => next(asV3Error(thrown)));
  app.useGlobalFilters(app.get(ProblemFilter));
}

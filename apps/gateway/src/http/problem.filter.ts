import { ArgumentsHost, Catch, ExceptionFilter, Injectable } from '@nestjs/common';
import { errorCatalogue } from '@v3vee/contracts';
import type { Request, Response } from 'express';
import { PinoLogger } from 'nestjs-pino';
import { RateLimited } from '../access/rate-limits';
import { carried } from './endpoint';
import { publicProblem } from './public-error';
import { requestIdOf } from './request-id';

/** Every error leaves as RFC 9457 problem+json. */
@Catch()
@Injectable()
export class ProblemFilter implements ExceptionFilter {
  constructor(private readonly log: PinoLogger) {
    log.setContext(ProblemFilter.name);
  }

  catch(thrown: unknown, host: ArgumentsHost): void {
    const response = host.switchToHttp().getResponse<Response>();
    const request = host.switchToHttp().getRequest<Request>();
    const problem = publicProblem(
      thrown,
      (error, incident) => this.log.error({ err: error, incident }, 'a request failed unexpectedly'),
      requestIdOf(request),
    );
    carried(request).code = problem.code;
    if (response.headersSent) {
      response.end();
      return;
    }
    if (problem.code === 'UNAUTHENTICATED') response.setHeader('WWW-Authenticate', 'Bearer');
    if (thrown instanceof RateLimited) response.setHeader('Retry-After', thrown.retryAfterSeconds);
    response
      .status(errorCatalogue[problem.code].http)
      .type('application/problem+json')
      .send(JSON.stringify(problem));
  }
}

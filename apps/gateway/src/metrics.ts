import { Injectable } from '@nestjs/common';
import { vmStates } from '@v3vee/contracts';
import type { NextFunction, Request, Response } from 'express';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Nest's own route for what no other matches. */
const NO_ROUTE = '/{*path}';

/** The route that took a request, as a template without names of resources; undefined: none did, or not yet. */
export function templateOf(request: Request): string | undefined {
  const { path } = (request.route ?? {}) as { path?: string };
  return path && path !== NO_ROUTE ? path.replaceAll('\\:', ':') : undefined;
}

/** What the gateway counts. */
@Injectable()
export class GatewayMetrics {
  private readonly requests: Histogram<'method' | 'route' | 'status'>;
  private readonly operations: Counter<'verb' | 'result'>;
  private watches = () => 0;
  private vmsByState: () => Promise<Map<string, number>> = () => Promise.resolve(new Map());

  constructor(registry: Registry) {
    const registers = [registry];
    this.requests = new Histogram({
      name: 'v3_http_request_duration_seconds',
      help: 'Requests by route and status; its _count is how many',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.005, 0.02, 0.1, 0.5, 2, 10, 60],
      registers,
    });
    this.operations = new Counter({
      name: 'v3_operations_total',
      help: 'Ended operations by verb and result (OK or the code of the error)',
      labelNames: ['verb', 'result'],
      registers,
    });
    const watches = () => this.watches();
    new Gauge({
      name: 'v3_watches',
      help: 'Watches of lists that clients have open',
      registers,
      collect() {
        this.set(watches());
      },
    });
    const collect = () => this.vmsByState();
    new Gauge({
      name: 'v3_vms',
      help: 'Virtual machines by state',
      labelNames: ['state'],
      registers,
      async collect() {
        // Without the database nobody knows; the other metrics are there all the same.
        const counts = await collect().catch(() => undefined);
        this.reset();
        if (counts) for (const state of vmStates) this.set({ state }, counts.get(state) ?? 0);
      },
    });
  }

  /** Asked at each scrape. */
  countVmsBy(count: () => Promise<Map<string, number>>): void {
    this.vmsByState = count;
  }

  /** Asked at each scrape. */
  countWatches(count: () => number): void {
    this.watches = count;
  }

  operationEnded(verb: string, result: string): void {
    this.operations.inc({ verb, result });
  }

  /** Routes are templates, so that names of resources never become labels. */
  readonly middleware = (request: Request, response: Response, next: NextFunction): void => {
    const stop = this.requests.startTimer();
    response.once('close', () => {
      stop({
        method: request.method,
        route: templateOf(request) ?? 'none',
        status: response.statusCode,
      });
    });
    next();
  };
}

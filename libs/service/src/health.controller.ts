import { Controller, Get, Header, Res } from '@nestjs/common';
import type { Response } from 'express';
import { Registry } from 'prom-client';
import { describeMetrics, type MetricFamily } from './metric-families';
import { Readiness } from './readiness';

/** `/health/live`, `/health/ready` and `/metrics`, the same on every service and open to loopback probes. */
@Controller()
export class HealthController {
  constructor(
    private readonly readiness: Readiness,
    private readonly registry: Registry,
  ) {}

  @Get('health/live')
  live(): { status: string } {
    return { status: 'ok' };
  }

  @Get('health/ready')
  ready(@Res({ passthrough: true }) response: Response): { ready: boolean; checks: Record<string, string> } {
    const status = this.readiness.status();
    response.status(status.ready ? 200 : 503);
    return status;
  }

  @Get('metrics')
  @Header('Cache-Control', 'no-store')
  async metrics(@Res({ passthrough: true }) response: Response): Promise<string> {
    response.type(this.registry.contentType);
    return this.registry.metrics();
  }

  /** What `/metrics` can have, also where nothing was counted yet. */
  @Get('metrics/families')
  families(): MetricFamily[] {
    return describeMetrics(this.registry);
  }
}

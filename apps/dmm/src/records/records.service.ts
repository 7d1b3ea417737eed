import { Injectable, OnApplicationShutdown } from '@nestjs/common';
import { V3Error, type DeniedDma, type DmmPolicy } from '@v3vee/contracts';
import { DmmContextRepository, DmmViolationRepository } from '@v3vee/store';
import { PinoLogger } from 'nestjs-pino';
import { randomUUID } from 'node:crypto';
import type { Card } from '../cards/card';
import type { SwitchResponse } from '../cards/switcher';
import { DmmMetrics } from '../dmm.metrics';
import { ContextWriter } from './context-writer';
import { ViolationWriter } from './violation-writer';

/** What the DMM leaves in the database. Nothing waits for it. */
@Injectable()
export class RecordsService implements OnApplicationShutdown {
  private readonly contexts: ContextWriter;
  private readonly violations: ViolationWriter;

  constructor(
    contexts: DmmContextRepository,
    violations: DmmViolationRepository,
    private readonly metrics: DmmMetrics,
    log: PinoLogger,
  ) {
    log.setContext('Records');
    this.contexts = new ContextWriter({
      repository: contexts,
      onFailure: thrown =>
        log.warn({ error: V3Error.from(thrown).message }, 'contexts are not written; will be tried again'),
      onRefused: (device, vmId, thrown) => {
        metrics.lost.inc({ record: 'context' });
        log.error({ device, vmId, error: V3Error.from(thrown).message }, 'a context is not fit to be kept');
      },
    });
    this.violations = new ViolationWriter({
      repository: violations,
      onFailure: ({ message }) => log.warn({ error: message }, 'violations are not written'),
      onLost: (_device, count) => metrics.lost.inc({ record: 'violation' }, count),
    });
    metrics.gauge('contexts_waiting', 'Contexts that are not in the database yet', [], gauge =>
      gauge.set(this.contexts.waiting),
    );
  }

  /** After the last switches, before the store is closed. */
  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.contexts.close(), this.violations.close()]);
  }

  saved({ name, model }: Card, { saved, forced }: SwitchResponse): void {
    if (saved && model) this.contexts.put({ device: name, model, saved, forced, savedAt: new Date() });
  }

  denied(device: string, vmId: string, denied: DeniedDma, action: DmmPolicy['onViolation']): void {
    this.metrics.violations.inc({ device, verdict: action });
    this.violations.put({ id: randomUUID(), device, vmId, ...denied, action, at: new Date() });
  }
}

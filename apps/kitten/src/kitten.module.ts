import { Module } from '@nestjs/common';
import { JobsService } from './jobs/jobs.service';
import { KittenMetrics } from './kitten.metrics';
import { KittenService } from './kitten.service';

@Module({ providers: [KittenService, JobsService, KittenMetrics] })
export class KittenModule {}

import { Module } from '@nestjs/common';
import { KittenMetrics } from './kitten.metrics';
import { KittenService } from './kitten.service';

@Module({ providers: [KittenService, KittenMetrics] })
export class KittenModule {}

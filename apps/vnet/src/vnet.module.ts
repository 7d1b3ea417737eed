import { Module } from '@nestjs/common';
import { RouterMetrics } from './router.metrics';
import { RouterService } from './router.service';

@Module({ providers: [RouterService, RouterMetrics] })
export class VnetModule {}

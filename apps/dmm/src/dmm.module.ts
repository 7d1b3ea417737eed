import { Module } from '@nestjs/common';
import { SERVICE_CONFIG } from '@v3vee/service';
import { StoreModule } from '@v3vee/store';
import { Cards } from './cards/cards';
import { SharingService } from './cards/sharing.service';
import type { DmmConfig } from './config';
import { DmmMetrics } from './dmm.metrics';
import { DmmService } from './dmm.service';
import { ExitsService } from './exits/exits.service';
import { PoliciesService } from './policies/policies.service';
import { RecordsService } from './records/records.service';
import { VmNames } from './vm-names';

@Module({
  imports: [
    StoreModule.forRootAsync({
      inject: [SERVICE_CONFIG],
      url: (config: DmmConfig) => config.V3_DATABASE_URL,
    }),
  ],
  providers: [
    DmmMetrics,
    PoliciesService,
    VmNames,
    RecordsService,
    {
      provide: Cards,
      inject: [PoliciesService],
      useFactory: (policies: PoliciesService) => new Cards(device => policies.of(device)),
    },
    ExitsService,
    SharingService,
    DmmService,
  ],
})
export class DmmModule {}

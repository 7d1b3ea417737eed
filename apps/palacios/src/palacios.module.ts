import { Module } from '@nestjs/common';
import { SERVICE_CONFIG } from '@v3vee/service';
import { StoreModule } from '@v3vee/store';
import type { PalaciosConfig } from './config';
import { PalaciosService } from './palacios.service';

@Module({
  imports: [
    StoreModule.forRootAsync({
      inject: [SERVICE_CONFIG],
      url: (config: PalaciosConfig) => config.V3_DATABASE_URL,
    }),
  ],
  providers: [PalaciosService],
})
export class PalaciosModule {}

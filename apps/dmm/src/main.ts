import { runService } from '@v3vee/service';
import { dmmConfig } from './config';
import { DmmModule } from './dmm.module';

void runService({ name: 'dmm', module: DmmModule, config: dmmConfig });

import { runService } from '@v3vee/service';
import { palaciosConfig } from './config';
import { PalaciosModule } from './palacios.module';

void runService({ name: 'palacios', module: PalaciosModule, config: palaciosConfig });

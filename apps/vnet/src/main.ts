import { runService } from '@v3vee/service';
import { vnetConfig } from './config';
import { VnetModule } from './vnet.module';

void runService({ name: 'vnet', module: VnetModule, config: vnetConfig });

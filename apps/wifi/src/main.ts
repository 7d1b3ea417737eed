import { runService } from '@v3vee/service';
import { wifiConfig } from './config';
import { WifiModule } from './wifi.module';

void runService({ name: 'wifi', module: WifiModule, config: wifiConfig });

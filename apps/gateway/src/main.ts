import { runService } from '@v3vee/service';
import { gatewayConfig } from './config';
import { GatewayModule } from './gateway.module';
import { configureHttp } from './http/configure';
import { readTls } from './http/tls';

void runService({
  name: 'gateway',
  module: GatewayModule,
  config: gatewayConfig,
  tls: readTls,
  configure: configureHttp,
});

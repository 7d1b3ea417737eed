import { runService } from '@v3vee/service';
import { gatewayConfig } from './config';
import { GatewayModule } from './gateway.module';
import { GrpcServer } from './grpc/grpc-server';
import { configureHttp } from './http/configure';
import { readTls } from './http/tls';

void runService({
  name: 'gateway',
  module: GatewayModule,
  config: gatewayConfig,
  tls: readTls,
  configure: configureHttp,
  grpc: app => app.get(GrpcServer).address,
});

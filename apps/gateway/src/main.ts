import { runService } from '@v3vee/service';
import { gatewayConfig } from './config';
import { GatewayModule } from './gateway.module';
import { GrpcServer } from './grpc/grpc-server';
import { configureHttp } from './http/configure';

void runService({
  name: 'gateway',
  module: GatewayModule,
  config: gatewayConfig,
  configure: configureHttp,
  grpc: app => app.get(GrpcServer).address,
});

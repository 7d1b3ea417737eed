export { commonConfig, readConfig, type CommonConfig } from './config';
export { Readiness } from './readiness';
export { createService, runService, type ServiceOptions } from './run';
export { Config, SERVICE_CONFIG, ServiceModule } from './service.module';
export { LAST_SPANS_MS, startTracing, wantsTracing, type Tracing, type TracingOptions } from './tracing';

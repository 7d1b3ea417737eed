import { DynamicModule, Global, Inject, Injectable, Module, OnApplicationShutdown } from '@nestjs/common';
import { Bus } from '@v3vee/bus';
import { isTracing, logFields } from '@v3vee/tracing';
import { LoggerModule, PinoLogger } from 'nestjs-pino';
import { collectDefaultMetrics, Counter, Registry } from 'prom-client';
import type { CommonConfig } from './config';
import { HealthController } from './health.controller';
import { Readiness } from './readiness';

/** The validated environment of this service; its own schema extends `commonConfig`. */
export const SERVICE_CONFIG = Symbol('SERVICE_CONFIG');

/** Closes the bus last, after every other shutdown hook has said its good-byes over it. */
@Injectable()
class BusCloser implements OnApplicationShutdown {
  constructor(private readonly bus: Bus) {}
  async onApplicationShutdown(): Promise<void> {
    await this.bus.close();
  }
}

@Global()
@Module({})
export class ServiceModule {
  static forRoot(name: string, config: CommonConfig): DynamicModule {
    const registry = new Registry();
    const { V3_HOST: host } = config;
    registry.setDefaultLabels({ service: name, ...(host && { host }) });
    collectDefaultMetrics({ register: registry });
    return {
      module: ServiceModule,
      imports: [
        LoggerModule.forRoot({
          pinoHttp: {
            name,
            level: config.V3_LOG_LEVEL,
            ...(isTracing() && { mixin: logFields }),
            autoLogging: { ignore: request => /^\/(health|metrics)/.test(request.url ?? '') },
            // A token in a log is a stolen token.
            redact: [
              'req.headers.authorization',
              'req.headers.cookie',
              'req.headers["sec-websocket-protocol"]',
            ],
          },
        }),
      ],
      controllers: [HealthController],
      providers: [
        { provide: SERVICE_CONFIG, useValue: config },
        { provide: Registry, useValue: registry },
        Readiness,
        {
          provide: Bus,
          inject: [PinoLogger, Readiness],
          useFactory: async (log: PinoLogger, readiness: Readiness) => {
            log.setContext('Bus');
            const bus = await Bus.connect({
              url: config.V3_NATS_URL,
              name,
              onNotice: (notice, detail) => log.warn(detail, notice),
              // Nobody hears us any more. Stop in order (guests are saved); the supervisor starts us anew.
              onLost: reason => {
                log.fatal(`the connection to NATS is lost for good: ${reason}`);
                process.kill(process.pid, 'SIGTERM');
              },
            });
            readiness.add('nats', () => {
              if (!bus.connected) return 'not connected';
              return bus.deaf.size === 0 || `the server does not let us hear ${[...bus.deaf].join(', ')}`;
            });
            countRefusals(registry, bus);
            return bus;
          },
        },
        BusCloser,
      ],
      exports: [SERVICE_CONFIG, Registry, Readiness, Bus, LoggerModule],
    };
  }
}

function countRefusals(registry: Registry, bus: Bus): void {
  new Counter({
    name: 'v3_bus_refused_total',
    help: 'Messages, calls and subscriptions that the NATS server refused, and connections',
    registers: [registry],
    collect() {
      this.reset();
      this.inc(bus.refused);
    },
  });
}

/** `constructor(@Config() private readonly config: MyConfig)` */
export const Config = (): ParameterDecorator => Inject(SERVICE_CONFIG);

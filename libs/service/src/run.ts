import 'reflect-metadata';
import { Module, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { V3Error } from '@v3vee/contracts';
import { Logger } from 'nestjs-pino';
import type { z } from 'zod';
import { commonConfig, readConfig, type CommonConfig } from './config';
import { Readiness } from './readiness';
import { ServiceModule } from './service.module';
import { startTracing, type Tracing } from './tracing';

export interface ServiceOptions<C extends z.ZodType<CommonConfig>> {
  name: string;
  /** The service's own module; everything of `ServiceModule` can be injected into it. */
  module: Type<unknown>;
  /** Schema of its environment; `commonConfig.extend({…})`. */
  config?: C;
  /** Certificate and key to listen with, PEM; undefined: without TLS. @throws V3Error USAGE what is wrong with them */
  tls?: (config: z.output<C>) => { cert: Buffer; key: Buffer } | undefined;
  /** Before it listens: body parsers, filters, WebSocket adapters. */
  configure?: (app: NestExpressApplication, config: z.output<C>) => void | Promise<void>;
  /** Where else it serves, for its supervisor: `HOST:PORT` of gRPC. */
  grpc?: (app: NestExpressApplication) => string;
}

/**
 * How every service starts and stops. It is ready when it listens and every readiness check holds; a
 * supervisor that started it hears so over IPC. SIGTERM, SIGINT and the loss of that IPC channel (the
 * supervisor died) all mean: stop in order.
 */
export async function runService<C extends z.ZodType<CommonConfig>>(
  options: ServiceOptions<C>,
): Promise<void> {
  try {
    const config = readConfig(options.config ?? commonConfig, process.env) as z.output<C>;
    const { name } = options;
    // Before anything asks whether there are spans.
    const tracing = startTracing({
      ...{ name, host: config.V3_HOST, env: process.env },
      // There is no logger yet.
      onTrouble: msg =>
        process.stderr.write(`${JSON.stringify({ level: 40, name, context: 'Tracing', msg })}\n`),
    });
    const app = await createService(options, config);
    const url = await app.getUrl();
    const log = app.get(Logger);
    stopOn(app, log, tracing);
    await whenReady(app.get(Readiness));
    log.log(`${options.name} is ready at ${url}`);
    process.send?.({ type: 'ready', url, grpc: options.grpc?.(app) });
  } catch (thrown) {
    const error = V3Error.from(thrown);
    process.stderr.write(
      `${JSON.stringify({ level: 60, name: options.name, msg: error.message, code: error.code, stack: error.code === 'INTERNAL' ? (error.cause as Error | undefined)?.stack : undefined })}\n`,
    );
    process.exit(1);
  }
}

/** The listening application; tests use it in process. */
export async function createService<C extends z.ZodType<CommonConfig>>(
  options: ServiceOptions<C>,
  config: z.output<C>,
): Promise<NestExpressApplication> {
  class Root {}
  Module({ imports: [ServiceModule.forRoot(options.name, config), options.module] })(Root);
  const app = await NestFactory.create<NestExpressApplication>(Root, {
    bufferLogs: true,
    bodyParser: false,
    httpsOptions: options.tls?.(config),
    // A keep-alive client must not hold up a shutdown.
    forceCloseConnections: true,
  });
  app.useLogger(app.get(Logger));
  app.disable('x-powered-by');
  await options.configure?.(app, config);
  try {
    await app.listen(config.V3_HTTP_PORT, config.V3_HTTP_HOST);
  } catch (cause) {
    await app.close();
    if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cause;
    throw new V3Error(
      'PORT_IN_USE',
      `port ${config.V3_HTTP_PORT} on ${config.V3_HTTP_HOST} is taken; choose another`,
      {
        cause,
      },
    );
  }
  return app;
}

function stopOn(app: NestExpressApplication, log: Logger, tracing: Tracing | undefined): void {
  let stopping = false;
  const stop = (why: string) => {
    if (stopping) return;
    stopping = true;
    log.log(`stopping: ${why}`);
    const end = async (code: number) => {
      await tracing?.stop();
      process.exit(code);
    };
    app.close().then(
      () => end(0),
      error => {
        log.error(error, 'stopping failed');
        return end(1);
      },
    );
  };
  process.on('SIGTERM', () => stop('SIGTERM'));
  process.on('SIGINT', () => stop('SIGINT'));
  if (process.channel) {
    process.on('disconnect', () => stop('the supervisor is gone'));
    process.channel.unref();
  }
}

/** Polls because checks are plain functions of state that nobody announces; 20 ms is far below any start-up. */
async function whenReady(readiness: Readiness): Promise<void> {
  while (!readiness.status().ready) await new Promise(resolve => setTimeout(resolve, 20));
}

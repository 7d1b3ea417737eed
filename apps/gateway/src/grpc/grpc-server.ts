import { isIPv6 } from 'node:net';
import { BeforeApplicationShutdown, Inject, Injectable, OnApplicationBootstrap } from '@nestjs/common';
import { Server, ServerCredentials, type ServiceDefinition, type UntypedHandleCall } from '@grpc/grpc-js';
import { ReflectionService } from '@grpc/reflection';
import { MAX_BODY_BYTES, V3Error } from '@v3vee/contracts';
import {
  api,
  PACKAGE,
  packageDefinition,
  rpcName,
  serviceDefinition,
  statusOf,
  type Rpc,
  type Wire,
} from '@v3vee/grpc';
import { SERVICE_CONFIG } from '@v3vee/service';
import { HealthImplementation } from 'grpc-health-check';
import { PinoLogger } from 'nestjs-pino';
import type { GatewayConfig } from '../config';
import { publicProblem } from '../http/public-error';
import { readTls, TlsRenewal } from '../http/tls';
import { Refused } from './answers';
import { download, unary, upload, type CallContext } from './calls';
import { Certificate } from './certificate';
import { consoleCall } from './console-call';
import { InProcess } from './in-process';
import { readable } from './readable';
import { traced } from './traced-call';

/** A body that REST takes, with what is around it. */
const MAX_MESSAGE = MAX_BODY_BYTES + 64 * 1024;
const MAX_CALLS_OF_CONNECTION = 256;
/** How long a client may be silent before it is asked whether it is still there, and for how long it may not answer. */
const KEEPALIVE_MS = 30_000;
const KEEPALIVE_ANSWER_MS = 10_000;
/** How long calls under way may take to end when the gateway stops. */
const GRACE_MS = 1_000;

/** The gRPC door: `v3vee.v1`, health and reflection, on a port of its own. */
@Injectable()
export class GrpcServer implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly server = new Server({
    'grpc.max_receive_message_length': MAX_MESSAGE,
    'grpc.max_concurrent_streams': MAX_CALLS_OF_CONNECTION,
    'grpc.keepalive_time_ms': KEEPALIVE_MS,
    'grpc.keepalive_timeout_ms': KEEPALIVE_ANSWER_MS,
  });
  private readonly health = new HealthImplementation();
  private readonly certificate: Certificate | undefined;
  private port = 0;

  constructor(
    private readonly http: InProcess,
    renewal: TlsRenewal,
    @Inject(SERVICE_CONFIG) private readonly config: GatewayConfig,
    private readonly log: PinoLogger,
  ) {
    log.setContext(GrpcServer.name);
    const pair = readTls(config);
    this.certificate = pair && new Certificate(pair);
    renewal.follow(renewed => this.certificate?.set(renewed));
  }

  /** `HOST:PORT` that clients use, once it listens. */
  get address(): string {
    return hostPort(this.config.V3_HTTP_HOST, this.port);
  }

  async onApplicationBootstrap(): Promise<void> {
    const context: CallContext = { http: this.http, fail: thrown => this.status(thrown) };
    const { services } = api();
    for (const service of services) {
      const definition = serviceDefinition(service);
      const handlers = service.rpcs.map((rpc): [string, UntypedHandleCall] => [
        rpcName(rpc),
        traced(service.name, rpc, handler(rpc, context, definition[rpcName(rpc)]!.responseSerialize)),
      ]);
      this.server.addService(readable(definition as ServiceDefinition), Object.fromEntries(handlers));
    }
    this.health.addToServer(this.server);
    new ReflectionService(packageDefinition()).addToServer(this.server);
    const { V3_HTTP_HOST: host, V3_GRPC_PORT: port } = this.config;
    this.port = await new Promise((resolve, reject) => {
      const credentials = this.certificate?.credentials ?? ServerCredentials.createInsecure();
      this.server.bindAsync(hostPort(host, port), credentials, (cause, bound) => {
        if (!cause) return resolve(bound);
        const detail = `gRPC cannot listen on ${host} port ${port} (${cause.message}); choose another with V3_GRPC_PORT`;
        reject(new V3Error('PORT_IN_USE', detail, { cause }));
      });
    });
    for (const name of ['', ...services.map(({ name }) => `${PACKAGE}.${name}`)])
      this.health.setStatus(name, 'SERVING');
  }

  async beforeApplicationShutdown(): Promise<void> {
    const timer = setTimeout(() => this.server.forceShutdown(), GRACE_MS);
    await new Promise<void>(resolve => this.server.tryShutdown(() => resolve()));
    clearTimeout(timer);
  }

  private status(thrown: unknown): ReturnType<typeof statusOf> & Error {
    const problem =
      thrown instanceof Refused
        ? thrown.problem
        : publicProblem(thrown, (err, incident) =>
            this.log.error({ err, incident }, 'a call failed unexpectedly'),
          );
    return Object.assign(new Error(problem.detail), statusOf(problem));
  }
}

function handler(rpc: Rpc, context: CallContext, serialize: (wire: Wire) => Buffer): UntypedHandleCall {
  switch (rpc.kind) {
    case 'unary':
      return unary(rpc, context);
    case 'download':
      return download(rpc, context, serialize);
    case 'upload':
      return upload(rpc, context);
    case 'console':
      return consoleCall(context);
  }
}

const hostPort = (host: string, port: number): string => `${isIPv6(host) ? `[${host}]` : host}:${port}`;

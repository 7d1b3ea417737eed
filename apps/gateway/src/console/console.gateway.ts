import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { BeforeApplicationShutdown, Injectable, OnApplicationBootstrap } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { Bus, type Stoppable } from '@v3vee/bus';
import {
  CONSOLE_PROTOCOL,
  MAX_CONSOLE_MESSAGE,
  streams,
  TOKEN_PROTOCOL_PREFIX,
  V3Error,
  vmChanged,
  type VmStatus,
} from '@v3vee/contracts';
import { PinoLogger } from 'nestjs-pino';
import { WebSocketServer, type WebSocket } from 'ws';
import { AccessControl } from '../access/access-control.service';
import { addressOf, AuditLog } from '../access/audit-log.service';
import { Authentication } from '../access/authentication.service';
import { OpenConnections } from '../access/open-connections';
import { RateLimited, RateLimits } from '../access/rate-limits';
import { HostDirectory } from '../hosts/host-directory';
import { PalaciosClient } from '../hosts/palacios-client';
import { carried } from '../http/endpoint';
import { requireSameOrigin } from '../http/origin';
import { publicProblem } from '../http/public-error';
import { requestIdOf } from '../http/request-id';
import { ServerNames } from '../http/server-name';
import { rawAnswer } from '../http/unreadable';
import { VmDefinitions } from '../vms/vm-definitions.service';
import { VmVerbs } from '../vms/vm-verbs.service';
import { ConsoleSession } from './console-session';

const CLOSE_GRACE_MS = 1000;
/** How many consoles may be open at a time. */
const MAX_CONSOLES = 256;
/** A close frame's reason has at most 123 bytes (RFC 6455 section 5.5). */
const MAX_REASON = 123;

/** Why the gateway closes a console: codes of the private range (RFC 6455 section 7.4.2). */
const closeCodes = { vmGone: 4404, hostGone: 4503 } as const;

interface OpenConsole {
  socket: WebSocket;
  vmId: string;
  vmName: string;
  host: string;
  session?: ConsoleSession;
}

const path = /^\/v1\/vms\/([^/?]+)\/console(?:\?.*)?$/;

/** WebSockets at `/v1/vms/{vm}/console`: the VM's serial console as binary messages. */
@Injectable()
export class ConsoleGateway implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly server = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_CONSOLE_MESSAGE,
    clientTracking: false,
    // The token, which a browser offers as a protocol too, is never echoed.
    handleProtocols: protocols => (protocols.has(CONSOLE_PROTOCOL) ? CONSOLE_PROTOCOL : false),
  });
  private readonly open = new Set<OpenConsole>();
  private subscription: Stoppable | undefined;

  constructor(
    private readonly adapter: HttpAdapterHost,
    private readonly names: ServerNames,
    private readonly authentication: Authentication,
    private readonly access: AccessControl,
    private readonly limits: RateLimits,
    private readonly connections: OpenConnections,
    private readonly audit: AuditLog,
    private readonly verbs: VmVerbs,
    private readonly definitions: VmDefinitions,
    private readonly palacios: PalaciosClient,
    private readonly directory: HostDirectory,
    private readonly bus: Bus,
    private readonly log: PinoLogger,
  ) {
    log.setContext(ConsoleGateway.name);
  }

  onApplicationBootstrap(): void {
    const http = this.adapter.httpAdapter.getHttpServer() as Server;
    http.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      // Nothing listens for errors of a socket that node has handed over.
      socket.on('error', () => socket.destroy());
      const [at, from] = [new Date(), addressOf(request)];
      const record = (status: number) => this.audit.record(request, request.url ?? '', { at, from, status });
      this.accept(request, socket, head).then(
        () => record(101),
        (thrown: unknown) => record(this.refuse(request, socket, thrown)),
      );
    });
    this.subscription = this.bus.listen(vmChanged, '*', (status, host) => void this.vmChanged(status, host));
  }

  beforeApplicationShutdown(): void {
    this.subscription?.stop();
    for (const { socket } of this.open) {
      socket.close(1001, 'the gateway stops');
      // A client that does not answer must not hold up the shutdown.
      setTimeout(() => socket.terminate(), CLOSE_GRACE_MS).unref();
    }
    this.server.close();
  }

  private async accept(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const travelling = carried(request);
    travelling.action = 'console';
    const name = path.exec(request.url ?? '')?.[1];
    if (name === undefined) {
      throw new V3Error('ROUTE_NOT_FOUND', 'WebSockets are at /v1/vms/{vm}/console only');
    }
    this.names.require(request.headers);
    requireSameOrigin(request.headers);
    const token = request.headers.authorization ?? offeredToken(request);
    const identity = await this.connections.enter(request.socket, () => this.authentication.identify(token));
    travelling.identity = identity;
    if (identity.tokenId !== null) this.limits.take(identity.tokenId);
    const vmName = decodeURIComponent(name);
    const { vm: id = vmName } = await this.access.admit(identity, streams.console.access, { vm: vmName });
    if (this.open.size >= MAX_CONSOLES) {
      throw new V3Error('SERVICE_UNAVAILABLE', `${MAX_CONSOLES} consoles are open; close one first`);
    }
    const vm = await this.verbs.inState('console', id);
    if (socket.destroyed) return;
    this.server.handleUpgrade(request, socket, head, client => {
      const entry: OpenConsole = { socket: client, vmId: vm.id, vmName: vm.name, host: vm.ownerHost };
      this.open.add(entry);
      client.once('close', () => this.open.delete(entry));
      void this.serve(entry);
    });
  }

  private async serve(entry: OpenConsole): Promise<void> {
    const { socket, vmId, vmName, host } = entry;
    const session = new ConsoleSession({
      ...{ bus: this.bus, socket, vmId, host },
      locate: async () => (await this.definitions.find(vmId)).ownerHost,
      attach: async () => {
        const { scrollback } = await this.palacios.call('consoleAttach', host, { vmId });
        return Buffer.from(scrollback, 'base64');
      },
    });
    entry.session = session;
    try {
      await session.open();
      await this.directory.watching(
        host,
        signal =>
          new Promise<void>((resolve, reject) => {
            socket.once('close', () => resolve());
            signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
            if (socket.readyState === socket.CLOSED) resolve();
          }),
      );
    } catch (thrown) {
      const { detail } = publicProblem(thrown, (err, incident) =>
        this.log.error({ err, incident }, `the console of ${vmName} failed unexpectedly`),
      );
      socket.close(closeCodes.hostGone, reason(detail));
    }
  }

  /** A VM that is reset, restored or moved goes on under the same console. */
  private async vmChanged({ vmId, state, reason: why }: VmStatus, host: string): Promise<void> {
    for (const { socket, vmId: id, vmName, session } of this.open) {
      if (id !== vmId || !session) continue;
      if (!session.isAt(host)) await session.follow();
      if (!session.isAt(host) || (state !== 'STOPPED' && state !== 'ERROR')) continue;
      socket.close(closeCodes.vmGone, reason(`${vmName} is ${state}: ${why}`));
    }
  }

  /** Before the upgrade a refusal is an ordinary HTTP answer. */
  private refuse(request: IncomingMessage, socket: Duplex, thrown: unknown): number {
    const problem = publicProblem(
      thrown,
      (err, incident) => this.log.error({ err, incident }, 'a console was refused unexpectedly'),
      requestIdOf(request),
    );
    carried(request).code = problem.code;
    socket.end(
      rawAnswer(problem, {
        ...(problem.code === 'UNAUTHENTICATED' && { 'WWW-Authenticate': 'Bearer' }),
        ...(thrown instanceof RateLimited && { 'Retry-After': String(thrown.retryAfterSeconds) }),
      }),
    );
    return problem.status;
  }
}

/** A browser can set no header of a WebSocket; what it offers as a protocol stands for `Authorization`. */
function offeredToken({ headers }: IncomingMessage): string | undefined {
  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map(protocol => protocol.trim());
  const token = offered.find(protocol => protocol.startsWith(TOKEN_PROTOCOL_PREFIX));
  return token && `Bearer ${token.slice(TOKEN_PROTOCOL_PREFIX.length)}`;
}

function reason(text: string): string {
  const bytes = Buffer.from(text);
  // A cut within a character leaves U+FFFD at its end.
  return bytes.length <= MAX_REASON
    ? text
    : `${bytes
        .subarray(0, MAX_REASON - 6)
        .toString()
        .replace(/\uFFFD+$/, '')}…`;
}

import { request, type ClientRequest, type RequestOptions, type Server } from 'node:http';
import { Server as TlsServer } from 'node:https';
import { duplexPair, type Duplex } from 'node:stream';
import { Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';

/**
 * Requests to this gateway's own HTTP server without a network between: an RPC passes what a REST request passes, from
 * authentication to the error filter, and there is one implementation of both.
 */
@Injectable()
export class InProcess {
  constructor(private readonly adapter: HttpAdapterHost) {}

  /** @param from IP address of who asks */
  request(options: Pick<RequestOptions, 'method' | 'path' | 'headers'>, from: string): ClientRequest {
    return request({ ...options, host: 'localhost', createConnection: () => this.connect(from) });
  }

  /** The client's end of a new connection. */
  connect(from: string): Duplex {
    const [client, server] = duplexPair();
    // As a socket says it.
    Object.assign(server, { remoteAddress: from });
    // As with a socket: each end learns that the other is gone.
    client.once('close', () => server.destroy());
    server.once('close', () => setImmediate(() => client.destroy()));
    // `http` listens too, but not for as long as the connection lasts.
    for (const end of [client, server]) end.on('error', () => end.destroy());
    const http = this.adapter.httpAdapter.getHttpServer() as Server;
    // What does not leave the process needs no TLS.
    http.emit(http instanceof TlsServer ? 'secureConnection' : 'connection', server);
    return client;
  }
}

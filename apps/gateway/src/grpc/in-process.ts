import { request, type ClientRequest, type RequestOptions, type Server } from 'node:http';
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

  request(options: Pick<RequestOptions, 'method' | 'path' | 'headers'>): ClientRequest {
    return request({ ...options, host: 'in-process', createConnection: () => this.connect() });
  }

  /** The client's end of a new connection. */
  connect(): Duplex {
    const [client, server] = duplexPair();
    // As with a socket: each end learns that the other is gone.
    client.once('close', () => server.destroy());
    server.once('close', () => setImmediate(() => client.destroy()));
    // `http` listens too, but not for as long as the connection lasts.
    for (const end of [client, server]) end.on('error', () => end.destroy());
    (this.adapter.httpAdapter.getHttpServer() as Server).emit('connection', server);
    return client;
  }
}

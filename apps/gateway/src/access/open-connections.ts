import type { Socket } from 'node:net';
import { Injectable } from '@nestjs/common';

/** What each token has open, so that a token which is revoked loses its streams and consoles too. */
@Injectable()
export class OpenConnections {
  private readonly open = new Map<string, Set<Socket>>();

  /** Until the connection is closed; several requests of one connection count once. */
  hold(tokenId: string, socket: Socket): void {
    const sockets = this.open.get(tokenId) ?? new Set();
    if (sockets.has(socket) || socket.destroyed) return;
    this.open.set(tokenId, sockets.add(socket));
    socket.once('close', () => {
      sockets.delete(socket);
      if (sockets.size === 0) this.open.delete(tokenId);
    });
  }

  close(tokenId: string): void {
    for (const socket of this.open.get(tokenId) ?? []) socket.destroy();
  }
}

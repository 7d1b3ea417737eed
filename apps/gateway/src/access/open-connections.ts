import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Injectable } from '@nestjs/common';
import type { Identity } from './identity';

/** What each token has open, so that a token which is revoked loses its streams and consoles too. */
@Injectable()
export class OpenConnections {
  private readonly open = new Map<string, Set<Socket>>();
  private closings = 0;

  /**
   * Holds the connection of whom `identify` finds. What is closed while that is looked up can't be held yet, so it is
   * looked up again: nobody gets in by what a token might do before.
   */
  async enter(socket: Socket, identify: () => Promise<Identity>): Promise<Identity> {
    for (;;) {
      const before = this.closings;
      const identity = await identify();
      if (before !== this.closings) continue;
      if (identity.tokenId !== null) this.hold(identity.tokenId, socket);
      return identity;
    }
  }

  /** Until the connection is closed; several requests of one connection count once. */
  private hold(tokenId: string, socket: Socket): void {
    const sockets = this.open.get(tokenId) ?? new Set();
    if (sockets.has(socket) || socket.destroyed) return;
    this.open.set(tokenId, sockets.add(socket));
    socket.once('close', () => {
      sockets.delete(socket);
      if (sockets.size === 0) this.open.delete(tokenId);
    });
  }

  /** @param answer that says so: over a connection of the same token, it is the last there */
  close(tokenId: string, answer?: ServerResponse): void {
    this.closings++;
    for (const socket of this.open.get(tokenId) ?? [])
      if (answer?.socket === socket) answer.setHeader('Connection', 'close');
      else socket.destroy();
  }
}

import { createServer, type Server, type Socket } from 'node:net';
import { canonical, explain, familyOf, type Endpoint } from './address';
import { BackOff } from './back-off';
import { TcpPeer } from './tcp-peer';
import type { Health, LinkEnd, Listener, ListenerStatus } from './transport';

/**
 * The socket of TCP links. Both ends listen and dial, so that it does not matter which starts first. An accepted
 * connection belongs to the link with its source address; the port says nothing.
 */
export class TcpListener implements Listener {
  private readonly members = new Map<LinkEnd, TcpPeer>();
  private readonly byAddress = new Map<string, TcpPeer>();
  private readonly backOff = new BackOff(() => this.open());
  private server: Server | undefined;
  private problem = '';
  private unknownPeer = 0;
  private closed = false;

  constructor(private readonly local: Endpoint) {
    this.open();
  }

  join(link: LinkEnd): string | undefined {
    const address = canonical(link.remote.address);
    const other = this.byAddress.get(address);
    if (other) {
      return `link ${other.link.index} has the same peer address, ${address}; connections from it could not be told apart`;
    }
    const peer = new TcpPeer(link, this.local);
    this.members.set(link, peer);
    this.byAddress.set(address, peer);
    return undefined;
  }

  leave(link: LinkEnd): void {
    const peer = this.members.get(link);
    if (!peer) return;
    this.members.delete(link);
    this.byAddress.delete(peer.address);
    peer.close();
  }

  send(link: LinkEnd, frames: readonly Uint8Array[]): void {
    const peer = this.members.get(link);
    if (peer) peer.send(frames);
    else link.counters.drop('down', frames.length);
  }

  /** A link whose own dialling has worked is UP although nobody can dial us; the reason tells. */
  health(link: LinkEnd): Health {
    const peer = this.members.get(link);
    if (peer?.connected) return { state: 'UP', reason: this.problem };
    if (this.problem) return { state: 'ERROR', reason: this.problem };
    return { state: 'CONNECTING', reason: peer?.problem ?? '' };
  }

  status(): ListenerStatus {
    return { type: 'tcp', local: this.local, links: this.members.size, unknownPeer: this.unknownPeer };
  }

  async close(): Promise<void> {
    this.closed = true;
    this.backOff.stop();
    for (const link of [...this.members.keys()]) this.leave(link);
    const { server } = this;
    this.server = undefined;
    if (server?.listening) await new Promise(resolve => server.close(resolve));
  }

  private open(): void {
    const server = createServer(socket => this.accept(socket));
    this.server = server;
    server.on('error', error => this.failed(server, error));
    const options = { host: this.local.address, port: this.local.port, exclusive: true };
    server.listen({ ...options, ipv6Only: familyOf(this.local.address) === 6 }, () => {
      if (this.closed) return void server.close();
      this.backOff.reset();
      this.become('');
    });
  }

  private failed(server: Server, error: Error): void {
    if (this.closed || server !== this.server) return;
    this.server = undefined;
    server.close();
    this.become(explain(this.local, 'cannot be listened on', error));
    this.backOff.plan();
  }

  private become(problem: string): void {
    this.problem = problem;
    for (const link of this.members.keys()) link.changed();
  }

  private accept(socket: Socket): void {
    const peer = this.byAddress.get(socket.remoteAddress ?? '');
    if (peer) return peer.accept(socket);
    this.unknownPeer++;
    socket.on('error', () => undefined);
    socket.destroy();
  }
}

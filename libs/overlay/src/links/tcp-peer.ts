import { connect, type Socket } from 'node:net';
import { canonical, explain, type Endpoint } from './address';
import { BackOff, RETRY } from './back-off';
import { FrameStream, lengthPrefixes } from './frame-stream';
import { MAX_WAITING_BYTES, type LinkEnd } from './transport';

/** When a peer that has vanished is noticed although nothing is sent, ms. */
const KEEP_ALIVE_MS = 10_000;
const DIAL_TIMEOUT_MS = 10_000;
const ANYWHERE: readonly string[] = ['0.0.0.0', '::'];

/**
 * The connections of one TCP link: at most one that we have dialled and one that we have accepted, since both sides
 * dial while they have none. Frames are taken from both and sent on the newer.
 */
export class TcpPeer {
  readonly address: string;
  /** The newest is the last. */
  private connections: Socket[] = [];
  private accepted: Socket | undefined;
  private dialling: Socket | undefined;
  private readonly backOff = new BackOff(() => this.dial());
  private closed = false;
  /** Why there is no connection. */
  problem = '';

  constructor(
    readonly link: LinkEnd,
    private readonly local: Endpoint,
  ) {
    this.address = canonical(link.remote.address);
    this.dial();
  }

  get connected(): boolean {
    return this.connections.length > 0;
  }

  /** A connection that the peer made. It has one: an older one is left over from before it was restarted. */
  accept(socket: Socket): void {
    const before = this.accepted;
    this.accepted = socket;
    this.use(socket);
    before?.destroy();
  }

  send(frames: readonly Uint8Array[]): void {
    const { counters } = this.link;
    const socket = this.connections.at(-1);
    if (!socket) return counters.drop('down', frames.length);
    const prefixes = lengthPrefixes(frames);
    const written = (error?: Error | null) => error && counters.drop('send-failed');
    // One system call for all, and none of them copied.
    socket.cork();
    frames.forEach((frame, i) => {
      if (socket.writableLength > MAX_WAITING_BYTES) return counters.drop('stalled');
      counters.sent(frame.length);
      socket.write(prefixes[i]!);
      socket.write(frame, written);
    });
    socket.uncork();
  }

  close(): void {
    this.closed = true;
    this.backOff.stop();
    this.dialling?.destroy();
    for (const socket of [...this.connections]) socket.destroy();
  }

  private dial(): void {
    if (this.closed || this.connected || this.dialling) return;
    const { address, port } = this.link.remote;
    const localAddress = ANYWHERE.includes(this.local.address) ? undefined : this.local.address;
    const socket = connect({ host: address, port, localAddress, timeout: DIAL_TIMEOUT_MS });
    this.dialling = socket;
    const end = (error: NodeJS.ErrnoException) => {
      if (this.dialling !== socket) return;
      this.dialling = undefined;
      socket.destroy();
      this.problem = explain(this.link.remote, 'cannot be connected to', error);
      this.link.changed();
      if (!this.closed && !this.connected) this.backOff.plan();
    };
    socket.on('error', end);
    socket.once('timeout', () => end(Object.assign(new Error(), { code: 'ETIMEDOUT' })));
    socket.once('connect', () => {
      if (this.dialling !== socket) return;
      this.dialling = undefined;
      this.use(socket);
    });
  }

  private use(socket: Socket): void {
    const since = performance.now();
    const { link } = this;
    const stream = new FrameStream(frame => link.receive(frame));
    socket.setTimeout(0);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.on('error', error => (this.problem = explain(link.remote, 'has lost the connection', error)));
    socket.on('data', chunk => {
      const problem = stream.push(chunk);
      if (problem === undefined) return;
      link.counters.drop('oversize');
      socket.destroy(new Error(problem));
    });
    socket.on('close', () => {
      this.connections = this.connections.filter(other => other !== socket);
      if (this.accepted === socket) this.accepted = undefined;
      if (this.closed) return;
      this.problem ||= explain(link.remote, 'has closed the connection', new Error('no reason given'));
      // A peer that accepts only to close again must not be dialled all the time.
      if (performance.now() - since > RETRY.last) this.backOff.reset();
      if (!this.connected) this.backOff.plan();
      link.changed();
    });
    this.problem = '';
    this.connections.push(socket);
    link.changed();
  }
}

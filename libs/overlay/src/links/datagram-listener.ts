import { VXLAN_HEADER_BYTES, vxlanHeader, vxlanVni } from '@v3vee/wire';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { canonical, explain, familyOf, nameOf, type Endpoint } from './address';
import { BackOff } from './back-off';
import {
  MAX_WAITING_BYTES,
  type Health,
  type LinkEnd,
  type Listener,
  type ListenerStatus,
} from './transport';

/** Room for bursts while this process does something else; Linux gives at most net.core.rmem_max. */
const SOCKET_BUFFER_BYTES = 4 * 1024 * 1024;

interface Member {
  link: LinkEnd;
  address: string;
  /** In front of each frame; null for the raw frames of VNET/P's UDP links. */
  header: Uint8Array | null;
  sent: (error: Error | null) => void;
}

/**
 * The socket of UDP links (the datagram is the Ethernet frame, as in VNET/P) or of VXLAN links (RFC 7348).
 *
 * Whose link a datagram came by: for VXLAN the one with the source address and network identifier, since the
 * source port is entropy (RFC 7348 §5); for UDP the one with the source address and port. VNET/P looks at the address
 * alone; so do we when just one link has it, for peers that send from another port than they listen on.
 */
export class DatagramListener implements Listener {
  private readonly members = new Map<LinkEnd, Member>();
  /** Few have the same address. */
  private readonly byAddress = new Map<string, Member[]>();
  private readonly backOff = new BackOff(() => this.open());
  private socket: Socket | undefined;
  private current: Health = { state: 'CONNECTING', reason: '' };
  private unknownPeer = 0;
  private closed = false;

  constructor(
    private readonly type: 'udp' | 'vxlan',
    private readonly local: Endpoint,
  ) {
    this.open();
  }

  join(link: LinkEnd): string | undefined {
    const address = canonical(link.remote.address);
    const neighbours = this.byAddress.get(address) ?? [];
    const other = neighbours.find(({ link: { remote, wireVni } }) =>
      this.type === 'udp' ? remote.port === link.remote.port : wireVni === link.wireVni,
    );
    if (other) {
      const key = this.type === 'udp' ? nameOf(link.remote) : `${address} with VNI ${link.wireVni}`;
      return `link ${other.link.index} has the same peer, ${key}; what comes from it could not be told apart`;
    }
    const header = this.type === 'vxlan' ? vxlanHeader(link.wireVni) : null;
    const sent = (error: Error | null) => error && link.counters.drop('send-failed');
    const member = { link, address, header, sent };
    this.members.set(link, member);
    this.byAddress.set(address, [...neighbours, member]);
    return undefined;
  }

  leave(link: LinkEnd): void {
    const member = this.members.get(link);
    if (!member) return;
    this.members.delete(link);
    const rest = this.byAddress.get(member.address)!.filter(other => other !== member);
    if (rest.length) this.byAddress.set(member.address, rest);
    else this.byAddress.delete(member.address);
  }

  send(link: LinkEnd, frames: readonly Uint8Array[]): void {
    const { counters, remote } = link;
    const member = this.members.get(link);
    const { socket } = this;
    if (!member || !socket || this.current.state !== 'UP') return counters.drop('down', frames.length);
    const { header, address, sent } = member;
    for (const frame of frames) {
      if (socket.getSendQueueSize() > MAX_WAITING_BYTES) {
        counters.drop('stalled');
        continue;
      }
      counters.sent(frame.length);
      // Header and frame are gathered by the system: nothing is copied.
      socket.send(header ? [header, frame] : frame, remote.port, address, sent);
    }
  }

  health(): Health {
    return this.current;
  }

  status(): ListenerStatus {
    return { type: this.type, local: this.local, links: this.members.size, unknownPeer: this.unknownPeer };
  }

  async close(): Promise<void> {
    this.closed = true;
    this.backOff.stop();
    const { socket } = this;
    this.socket = undefined;
    if (socket) await new Promise<void>(resolve => socket.close(resolve));
  }

  private open(): void {
    const family = familyOf(this.local.address);
    const socket = createSocket({
      type: family === 4 ? 'udp4' : 'udp6',
      ipv6Only: family === 6,
      // Addresses only: without this, each datagram would wait a tick for a name's resolution.
      lookup: ((address: string, _: unknown, done: (error: null, address: string, family: number) => void) =>
        done(null, address, family)) as never,
    });
    this.socket = socket;
    socket.on('error', error => this.failed(socket, error));
    socket.on('message', (datagram, from) => this.receive(datagram, from));
    socket.bind({ ...this.local, exclusive: true }, () => {
      setBuffers(socket);
      this.backOff.reset();
      this.become({ state: 'UP', reason: '' });
    });
  }

  private failed(socket: Socket, error: Error): void {
    if (this.closed || socket !== this.socket) return;
    this.socket = undefined;
    socket.close();
    this.become({ state: 'ERROR', reason: explain(this.local, 'cannot be listened on', error) });
    this.backOff.plan();
  }

  private become(health: Health): void {
    this.current = health;
    for (const link of this.members.keys()) link.changed();
  }

  private receive(datagram: Buffer, from: RemoteInfo): void {
    const neighbours = this.byAddress.get(from.address);
    if (!neighbours) {
      this.unknownPeer++;
      return;
    }
    if (this.type === 'udp') {
      const exact = neighbours.find(({ link }) => link.remote.port === from.port);
      const member = exact ?? (neighbours.length === 1 ? neighbours[0] : undefined);
      if (member) member.link.receive(datagram);
      else this.unknownPeer++;
      return;
    }
    const vni = vxlanVni(datagram);
    if (vni === undefined) {
      // From a peer of ours, but for no network: counted where it can be seen.
      neighbours[0]!.link.counters.drop('garbage');
      return;
    }
    const member = neighbours.find(({ link }) => link.wireVni === vni);
    if (member) member.link.receive(datagram.subarray(VXLAN_HEADER_BYTES));
    else this.unknownPeer++;
  }
}

function setBuffers(socket: Socket): void {
  try {
    socket.setRecvBufferSize(SOCKET_BUFFER_BYTES);
    socket.setSendBufferSize(SOCKET_BUFFER_BYTES);
  } catch {
    // The system's own sizes do as well, with more loss in bursts.
  }
}

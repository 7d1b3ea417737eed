import type { LinkConfig } from '@v3vee/contracts';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { until } from '../../testing/nats';
import { Links, type LinksOptions } from '../links';
import type { Health } from '../transport';

/** A port of this address that is free for UDP and TCP. */
export async function freePort(address = '127.0.0.1'): Promise<number> {
  for (;;) {
    const server = createServer();
    await once(server.listen(0, address), 'listening');
    const { port } = server.address() as AddressInfo;
    try {
      await close(await datagrams(port, address));
      return port;
    } catch {
      // Taken for UDP: try another.
    } finally {
      await new Promise(resolve => server.close(resolve));
    }
  }
}

/** A bound UDP socket that keeps what it receives. */
export interface Peer extends Socket {
  received: Buffer[];
  port: number;
}
export async function datagrams(port = 0, address = '127.0.0.1'): Promise<Peer> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4') as Peer;
  socket.received = [];
  socket.on('message', datagram => socket.received.push(datagram));
  socket.bind({ port, address, exclusive: true });
  await once(socket, 'listening');
  socket.port = socket.address().port;
  return socket;
}
export const close = (socket: Socket): Promise<void> => new Promise(resolve => socket.close(resolve));

/** `Links` that keep what they are told. */
export class RecordedLinks extends Links {
  readonly frames: Map<number, Uint8Array[]>;
  readonly addressesTold: Map<number, string[]>;
  readonly healths: [number, Health][];

  constructor(options: Omit<LinksOptions, 'events'> = {}) {
    const [frames, told] = [new Map<number, Uint8Array[]>(), new Map<number, string[]>()];
    const healths: [number, Health][] = [];
    super({
      ...options,
      events: {
        onFrames: (index, some) => void frames.set(index, [...(frames.get(index) ?? []), ...some]),
        onHealth: (index, health) => void healths.push([index, health]),
        onLearned: (index, macs) => void told.set(index, macs),
      },
    });
    this.frames = frames;
    this.addressesTold = told;
    this.healths = healths;
  }

  of(index: number): Uint8Array[] {
    return this.frames.get(index) ?? [];
  }
  dropped(index: number, reason: string): number {
    return this.status(index)!.counters.dropped[reason]!;
  }
  isUp(index: number): Promise<void> {
    return until(() => this.status(index)?.state === 'UP');
  }
}

export function config(
  type: LinkConfig['type'],
  index: number,
  local: number,
  remote: number,
  rest: Partial<LinkConfig> = {},
): LinkConfig {
  return {
    index,
    name: `link-${index}`,
    type,
    local: { address: '127.0.0.1', port: local },
    remote: { address: '127.0.0.1', port: remote },
    vni: 1,
    wireVni: 1,
    mtu: 1500,
    up: true,
    impairment: null,
    ...rest,
  };
}

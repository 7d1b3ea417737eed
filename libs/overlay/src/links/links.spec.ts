import { gsoTypes, MAX_ETHERNET_BYTES, VIRTIO_NET_HEADER_BYTES, vxlanHeader } from '@v3vee/wire';
import { connect, createServer, type Socket } from 'node:net';
import { once } from 'node:events';
import { frameTo, macOf } from '../testing/frames';
import { until } from '../testing/nats';
import { LEARNED_MS, MAX_LEARNED } from './address-table';
import { close, config, datagrams, freePort, RecordedLinks, type Peer } from './testing/links';

jest.setTimeout(60_000);

/** A super-frame from station 1 to station 2, and the Ethernet frame in it. */
const frame = (id: number, length = 64) => frameTo(macOf(2), macOf(1), id, length);
const ethernet = (superFrame: Uint8Array) => Buffer.from(superFrame.subarray(VIRTIO_NET_HEADER_BYTES));

/** TCP over IPv4 in one super-frame, as a guest hands it over. */
function bulk(payloadBytes: number, size: number): Uint8Array {
  const bytes = Buffer.alloc(12 + 54 + payloadBytes, 7);
  bytes.set([1, size ? gsoTypes.TCPV4 : 0, 54, 0, size & 255, size >> 8, 34, 0, 16, 0, 0, 0]);
  bytes.set(frame(0).subarray(12, 24), 12);
  bytes.set(
    [8, 0, 0x45, 0, (40 + payloadBytes) >> 8, (40 + payloadBytes) & 255, 0, 1, 0x40, 0, 64, 6, 0, 0],
    24,
  );
  bytes.set(
    [10, 0, 0, 1, 10, 0, 0, 2, 0, 80, 0, 81, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 1, 1, 0, 0, 0, 0],
    38,
  );
  return bytes;
}

let all: { close(): unknown }[] = [];
const made = <T extends { close(): unknown }>(thing: T): T => {
  all.push(thing);
  return thing;
};
const peerAt = async (port = 0, address?: string): Promise<Peer> => {
  const peer = await datagrams(port, address);
  all.push({ close: () => close(peer) });
  return peer;
};
afterEach(async () => {
  await Promise.all(all.map(thing => thing.close()));
  all = [];
});

describe.each(['udp', 'tcp', 'vxlan'] as const)('a %s link', type => {
  /** TCP peers are told apart by address alone: the second one gets its own. */
  async function pair(rest = {}, family: '127.0.0.' | '::' = '127.0.0.') {
    const [here, there] = family === '::' ? ['::1', '::1'] : ['127.0.0.1', '127.0.0.2'];
    const [a, b] = [await freePort(here), await freePort(there)];
    const near = { address: here, port: a };
    const far = { address: there, port: b };
    const [left, right] = [made(new RecordedLinks()), made(new RecordedLinks())];
    left.set(config(type, 1, 0, 0, { local: near, remote: far, wireVni: 77, ...rest }));
    right.set(config(type, 9, 0, 0, { local: far, remote: near, wireVni: 77, ...rest }));
    await Promise.all([left.isUp(1), right.isUp(9)]);
    return { left, right };
  }

  it.each(['127.0.0.', '::'] as const)('carries frames both ways, in order, over %s1', async family => {
    const { left, right } = await pair({}, family);
    const there = Array.from({ length: 100 }, (_, i) => frame(i, 60 + i * 14));
    left.send(1, there);
    await until(() => right.of(9).length === 100);
    expect(right.of(9)).toEqual(there);
    right.send(9, [frameTo(macOf(1), macOf(2), 5)]);
    await until(() => left.of(1).length === 1);
    expect(left.status(1)).toMatchObject({
      state: 'UP',
      learned: [macOf(2)],
      counters: { transmitPackets: 100, receivePackets: 1, receiveBytes: 52 },
    });
    expect(right.addressesTold.get(9)).toEqual([macOf(1)]);
    expect(Object.values(right.status(9)!.counters.dropped).every(count => count === 0)).toBe(true);
  });

  it('cuts super-frames, and finishes checksums', async () => {
    const { left, right } = await pair();
    left.send(1, [bulk(10_000, 1_460), bulk(100, 0)]);
    await until(() => right.of(9).length === 8);
    expect(right.of(9).map(({ length }) => length - 66)).toEqual([
      ...Array<number>(6).fill(1_460),
      1_240,
      100,
    ]);
    // A checksum left unfinished would be recognised, and asked for again.
    expect(right.of(9).map(bytes => bytes[0])).toEqual(Array<number>(8).fill(0));
    expect(left.status(1)!.counters).toMatchObject({ transmitPackets: 8, transmitBytes: 8 * 54 + 10_100 });
  });

  it('answers what is too big to its sender, and sends it to nobody', async () => {
    const { left, right } = await pair({ mtu: 1400 });
    left.send(1, [bulk(5_000, 1_460), bulk(1_361, 0), frame(1, 2_000), bulk(1_360, 0)]);
    await until(() => left.of(1).length === 2 && right.of(9).length === 1);
    for (const answer of left.of(1)) {
      expect([...answer.subarray(12, 24)]).toEqual([
        ...frame(0).subarray(18, 24),
        ...frame(0).subarray(12, 18),
      ]);
      // ICMP: fragmentation needed, next hop's MTU 1400.
      expect([answer[35], answer[46], answer[47], answer[52]! * 256 + answer[53]!]).toEqual([1, 3, 4, 1400]);
    }
    expect(left.dropped(1, 'too-big')).toBe(3);
    expect(left.status(1)!.counters.receivePackets).toBe(0);
  });

  it('does not answer without limit', async () => {
    const [a, b] = [await freePort('127.0.0.1'), await freePort('127.0.0.2')];
    const links = made(new RecordedLinks({ now: () => 5 }));
    const remote = { address: '127.0.0.2', port: b };
    links.set(config(type, 1, a, b, { remote, mtu: 1000 }));
    links.send(1, Array<Uint8Array>(500).fill(bulk(1_400, 0)));
    await until(() => links.of(1).length === 50);
    expect(links.dropped(1, 'too-big')).toBe(500);
  });

  it('fragments IPv4 that allows it', async () => {
    const { left, right } = await pair({ mtu: 1000 });
    const datagram = bulk(2_000, 0);
    datagram.fill(0, 0, 12);
    datagram[32] = 0;
    left.send(1, [datagram]);
    await until(() => right.of(9).length === 3);
    expect(right.of(9).map(part => part[32]! * 256 + part[33]!)).toEqual([0x2000, 0x2000 + 122, 244]);
  });

  it('drops what a guest must not send, by reason', async () => {
    const { left, right } = await pair();
    const lying = bulk(5_000, 1_000);
    lying[12 + 34 + 12] = 0x10;
    left.send(1, [new Uint8Array(20), lying, frame(3)]);
    await until(() => right.of(9).length === 1);
    expect(left.dropped(1, 'malformed')).toBe(2);
  });

  it('is DOWN when it is set down, and opens its socket again when it is set up', async () => {
    const { left, right } = await pair();
    const link = right.status(9)!;
    expect(link.state).toBe('UP');
    const setting = left['links'].get(1)!.config;
    left.set({ ...setting, up: false });
    expect(left.status(1)).toMatchObject({ state: 'DOWN', learned: [] });
    expect(left.listening()).toEqual([]);
    left.send(1, [frame(1)]);
    expect(left.dropped(1, 'down')).toBe(1);
    left.set(setting);
    await left.isUp(1);
    left.send(1, [frame(2)]);
    await until(() => right.of(9).length === 1);
  });

  it('takes over a new MTU without a break', async () => {
    const { left, right } = await pair();
    left.set({ ...left['links'].get(1)!.config, mtu: 9000 });
    left.send(1, [bulk(8_000, 0)]);
    await until(() => right.of(9).length === 1);
    expect(left.healths.filter(([, { state }]) => state === 'UP').length).toBe(1);
  });

  it('says what is wrong with its local address, and tries again until it works', async () => {
    const port = await freePort();
    const links = made(new RecordedLinks());
    links.set(
      config(type, 2, 0, 1, {
        local: { address: '192.0.2.1', port },
        remote: { address: '192.0.2.2', port },
      }),
    );
    await until(() => links.status(2)!.state === 'ERROR');
    expect(links.status(2)!.reason).toBe(
      `192.0.2.1:${port} cannot be listened on: this machine has no such address (EADDRNOTAVAIL)`,
    );
    const holder = type === 'tcp' ? createServer().listen(port, '127.0.0.1') : await datagrams(port);
    if (type === 'tcp') await once(holder, 'listening');
    const remote = { address: '127.0.0.3', port };
    links.set(config(type, 1, port, port, { remote }));
    await until(() => links.status(1)!.state === 'ERROR');
    expect(links.status(1)!.reason).toBe(
      `127.0.0.1:${port} cannot be listened on: another program uses it (EADDRINUSE)`,
    );
    links.send(1, [frame(1)]);
    expect(links.dropped(1, 'down')).toBe(1);
    await new Promise<unknown>(resolve => holder.close(resolve as () => void));
    const other = made(new RecordedLinks());
    other.set(config(type, 7, 0, 0, { local: remote, remote: { address: '127.0.0.1', port } }));
    await links.isUp(1);
  });

  it('refuses what cannot work, and works when the obstacle is gone', async () => {
    const [port, other] = [await freePort(), await freePort()];
    const links = made(new RecordedLinks());
    links.set(config(type, 1, port, other));
    links.set(config(type, 2, port, other));
    expect(links.status(2)!.state).toBe('ERROR');
    expect(links.status(2)!.reason).toContain('link 1 has the same peer');
    links.set(config(type, 3, port, other, { remote: { address: '::1', port } }));
    expect(links.status(3)).toMatchObject({
      state: 'ERROR',
      reason: 'one end is IPv4 and the other IPv6: 127.0.0.1 here, ::1 there',
    });
    links.remove(1);
    await until(() => links.status(2)!.state !== 'ERROR');
    expect(links.listening()).toMatchObject([{ type, links: 1 }]);
    expect(links.status(1)).toBeUndefined();
    expect(links.remove(1)).toBe(false);
  });
});

describe('who a frame came from', () => {
  it('is the link with its address and port; for UDP, its address when only one link has it', async () => {
    const [peer, other, foreign] = [await peerAt(), await peerAt(), await peerAt(0, '127.0.0.2')];
    const port = await freePort();
    const links = made(new RecordedLinks());
    links.set(config('udp', 1, port, peer.port));
    await links.isUp(1);
    other.send(ethernet(frame(1)), port, '127.0.0.1');
    await until(() => links.of(1).length === 1);
    foreign.send(ethernet(frame(2)), port, '127.0.0.1');
    await until(() => links.listening()[0]!.unknownPeer === 1);
    links.set(config('udp', 2, port, foreign.port));
    other.send(ethernet(frame(3)), port, '127.0.0.1');
    await until(() => links.listening()[0]!.unknownPeer === 2);
    peer.send(ethernet(frame(4)), port, '127.0.0.1');
    await until(() => links.of(1).length === 2);
    expect(links.of(2)).toEqual([]);
    expect(links.listening()).toMatchObject([{ type: 'udp', links: 2, unknownPeer: 2 }]);
  });

  it('is, for VXLAN, the link with its address and VNI, whatever its port', async () => {
    const peer = await peerAt();
    const port = await freePort();
    const links = made(new RecordedLinks());
    links.set(config('vxlan', 1, port, 9, { wireVni: 10 }));
    links.set(config('vxlan', 2, port, 9, { wireVni: 0xffffff, vni: 2 }));
    await links.isUp(1);
    const send = (header: number[], id: number) =>
      peer.send(Buffer.concat([Uint8Array.from(header), ethernet(frame(id))]), port, '127.0.0.1');
    send([8, 0, 0, 0, 0, 0, 10, 0], 1);
    send([0xff, 1, 2, 3, 0xff, 0xff, 0xff, 4], 2);
    send([8, 0, 0, 0, 0, 0, 11, 0], 3);
    send([0xf7, 0, 0, 0, 0, 0, 10, 0], 4);
    peer.send(Buffer.from([8, 0, 0]), port, '127.0.0.1');
    peer.send(Buffer.from(vxlanHeader(10)), port, '127.0.0.1');
    await until(() => links.dropped(1, 'runt') === 1);
    expect([links.of(1).length, links.of(2).length, links.dropped(1, 'garbage')]).toEqual([1, 1, 2]);
    expect(links.listening()).toMatchObject([{ type: 'vxlan', links: 2, unknownPeer: 1 }]);
  });

  it('is nobody when no link has the address of a TCP connection', async () => {
    const port = await freePort();
    const links = made(new RecordedLinks());
    links.set(config('tcp', 1, port, 9, { remote: { address: '127.0.0.3', port: 9 } }));
    await until(() => links.status(1)!.state === 'CONNECTING' && links.status(1)!.reason !== '');
    expect(links.status(1)!.reason).toBe(
      '127.0.0.3:9 cannot be connected to: nobody listens there (ECONNREFUSED)',
    );
    const stranger = connect({ host: '127.0.0.1', port, localAddress: '127.0.0.4' });
    stranger.on('error', () => undefined);
    await once(stranger, 'close');
    expect(links.listening()).toMatchObject([{ type: 'tcp', unknownPeer: 1 }]);
  });

  it('must be one station', async () => {
    const peer = await peerAt();
    const port = await freePort();
    const links = made(new RecordedLinks());
    links.set(config('udp', 1, port, peer.port));
    await links.isUp(1);
    const group = ethernet(frame(1));
    group[6] = 3;
    const nobody = ethernet(frame(2)).fill(0, 6, 12);
    for (const bytes of [group, nobody, Buffer.alloc(13), Buffer.alloc(0), ethernet(frame(3))]) {
      peer.send(bytes, port, '127.0.0.1');
    }
    await until(() => links.of(1).length === 1);
    expect(links.status(1)!.counters).toMatchObject({ receivePackets: 1, dropped: { garbage: 2, runt: 2 } });
  });
});

describe('a TCP peer', () => {
  /** A peer by hand: what the link dials. */
  async function serve(onConnection: (socket: Socket) => void) {
    const sockets = new Set<Socket>();
    const server = createServer(socket => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      onConnection(socket);
    });
    await once(server.listen(0, '127.0.0.5'), 'listening');
    all.push({
      close: () => {
        for (const socket of sockets) socket.destroy();
        return new Promise(resolve => server.close(resolve));
      },
    });
    const links = made(new RecordedLinks());
    const remote = { address: '127.0.0.5', port: (server.address() as { port: number }).port };
    links.set(config('tcp', 1, await freePort(), 0, { remote }));
    return links;
  }
  const prefixed = (bytes: Uint8Array) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return Buffer.concat([length, bytes]);
  };

  it('may send frames in pieces of any size', async () => {
    const sent = Array.from({ length: 30 }, (_, i) => frame(i, 30 + i * i));
    const stream = Buffer.concat(sent.map(bytes => prefixed(ethernet(bytes))));
    const links = await serve(async socket => {
      socket.setNoDelay(true);
      for (let at = 0, size = 1; at < stream.length; at += size, size = (size * 7 + 3) % 1_001) {
        await new Promise(resolve => socket.write(stream.subarray(at, at + size), resolve));
      }
    });
    await until(() => links.of(1).length === 30);
    expect(links.of(1)).toEqual(sent);
  });

  it('is disconnected when its stream makes no sense, and dialled again', async () => {
    let connections = 0;
    const links = await serve(socket => {
      connections++;
      socket.write(prefixed(Buffer.alloc(0)));
      socket.write(prefixed(Buffer.alloc(5)));
      if (connections < 3) socket.write(Buffer.from([0xff, 0xff, 0xff, 0xff, 1, 2, 3]));
      else socket.write(prefixed(ethernet(frame(1))));
    });
    await until(() => links.of(1).length === 1);
    expect(links.status(1)).toMatchObject({ state: 'UP', counters: { dropped: { oversize: 2, runt: 6 } } });
    const reasons = links.healths.map(([, { reason }]) => reason).filter(Boolean);
    expect(reasons[0]).toContain(`4294967295 bytes is announced, one has at most ${MAX_ETHERNET_BYTES}`);
  });

  it('that takes nothing makes frames be dropped, not memory be filled', async () => {
    const links = await serve(socket => socket.pause());
    await links.isUp(1);
    const burst = Array<Uint8Array>(100).fill(bulk(60_000, 1_460));
    for (let i = 0; i < 10; i++) {
      links.send(1, burst);
      await new Promise(resolve => setImmediate(resolve));
    }
    expect(links.dropped(1, 'stalled')).toBeGreaterThan(1_000);
  });

  it('that was restarted is connected again', async () => {
    let first: Socket | undefined;
    const links = await serve(socket => {
      if (!first) first = socket;
      else socket.write(prefixed(ethernet(frame(1))));
    });
    await links.isUp(1);
    first!.destroy();
    await until(() => links.of(1).length === 1);
    expect(links.healths.map(([, { state }]) => state)).toEqual(['CONNECTING', 'UP', 'CONNECTING', 'UP']);
  });
});

describe('learned addresses', () => {
  async function udp(now: () => number, indexes: number[]) {
    const port = await freePort();
    const links = made(new RecordedLinks({ now }));
    const peers = await Promise.all(indexes.map(() => peerAt()));
    indexes.forEach((index, i) => links.set(config('udp', index, port, peers[i]!.port)));
    await Promise.all(indexes.map(index => links.isUp(index)));
    const send = (i: number, source: number) =>
      peers[i]!.send(ethernet(frameTo(macOf(60_000), macOf(source))), port, '127.0.0.1');
    return { links, send };
  }

  it('are forgotten when they were not seen for long', async () => {
    let now = 0;
    const { links, send } = await udp(() => now, [1]);
    send(0, 1);
    send(0, 2);
    await until(() => links.of(1).length === 2);
    now = LEARNED_MS;
    send(0, 2);
    await until(() => links.of(1).length === 3);
    links.age();
    expect(links.status(1)!.learned).toEqual([macOf(1), macOf(2)]);
    now++;
    links.age();
    await until(() => links.addressesTold.get(1)!.length === 1);
    expect(links.addressesTold.get(1)).toEqual([macOf(2)]);
  });

  it('are behind the link that they were last seen on', async () => {
    const { links, send } = await udp(() => 0, [1, 2]);
    send(0, 1);
    await until(() => links.addressesTold.get(1)?.length === 1);
    send(1, 1);
    await until(() => links.addressesTold.get(2)?.length === 1);
    expect(links.addressesTold.get(1)).toEqual([]);
    links.remove(2);
    send(0, 1);
    await until(() => links.addressesTold.get(1)!.length === 1);
  });

  it('are bounded', async () => {
    const { links, send } = await udp(() => 0, [1]);
    for (let source = 1; source <= MAX_LEARNED + 100; source++) {
      send(0, source);
      if (source % 50 === 0) await until(() => links.of(1).length === source);
    }
    await until(() => links.of(1).length >= MAX_LEARNED + 100 - ((MAX_LEARNED + 100) % 50));
    expect(links.status(1)!.learned.length).toBe(MAX_LEARNED);
  });
});

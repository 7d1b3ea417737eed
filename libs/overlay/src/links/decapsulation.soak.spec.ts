import { superFrameProblem } from '@v3vee/wire';
import { connect } from 'node:net';
import { frameTo, generator, macOf, type Random } from '../testing/frames';
import { until } from '../testing/nats';
import { FrameStream } from './frame-stream';
import { close, config, datagrams, freePort, RecordedLinks } from './testing/links';

/** `V3_SOAK_MINUTES=1 V3_SOAK_SEED=7 ./v3 test --soak decapsulation` repeats a run. */
const MINUTES = Number(process.env.V3_SOAK_MINUTES ?? 30);
const SEED = Number(process.env.V3_SOAK_SEED ?? Date.now() % 1_000_000);

/** Bytes that look right here and there: frames, headers, and noise over them. */
function garbage(random: Random): Uint8Array {
  const bytes = frameTo(macOf(random(9)), macOf(random(2_000)), 1, 30 + random(random(20) ? 1_600 : 60_000));
  const whole = random(2)
    ? Buffer.concat([Uint8Array.of(random(16), 0, 0, 0, 0, 0, random(3), 0), bytes.subarray(12)])
    : bytes.slice(12);
  if (random(2)) whole.set([8, 0, 0x45, 0, random(256), random(256)], Math.min(12, whole.length - 6));
  for (let hits = random(20); hits > 0; hits--) whole[random(Math.min(whole.length, 90))] = random(256);
  return whole.subarray(0, random(8) ? whole.length : random(whole.length + 1));
}

/** What arrived is whole super-frames, and all that was sent is accounted for. */
function check(links: RecordedLinks): void {
  for (const index of links.indexes) {
    for (const frame of links.of(index)) {
      expect(superFrameProblem(frame)).toBeUndefined();
      // What comes from outside is cut and fitted like what guests send.
      links.send(index, [frame]);
    }
    links.frames.delete(index);
    expect(links.status(index)!.learned.length).toBeLessThanOrEqual(1_024);
  }
}

it.each(['udp', 'vxlan'] as const)(`%s takes any datagram, seed ${SEED}`, async type => {
  console.log(`seed ${SEED}`);
  const random = generator(SEED);
  const [peer, port] = [await datagrams(), await freePort()];
  const links = new RecordedLinks();
  links.set(config(type, 1, port, peer.port, { wireVni: 1, mtu: 1_000 }));
  links.set(config(type, 2, port, type === 'udp' ? await freePort() : peer.port, { wireVni: 2, mtu: 1_000 }));
  await links.isUp(1);
  const seen = () => {
    const { receivePackets, dropped } = links.status(1)!.counters;
    const other = links.status(2)!.counters.receivePackets;
    const { unknownPeer } = links.listening()[0]!;
    return (
      receivePackets +
      other +
      dropped.runt! +
      dropped.garbage! +
      unknownPeer +
      links.dropped(2, 'garbage') +
      links.dropped(2, 'runt')
    );
  };
  let sent = 0;
  for (const end = Date.now() + (MINUTES * 60_000) / 3; Date.now() < end;) {
    for (let i = 0; i < 20; i++, sent++) peer.send(garbage(random), port, '127.0.0.1');
    await until(() => seen() === sent);
    check(links);
    peer.received = [];
  }
  expect(links.status(1)!.state).toBe('UP');
  console.log(`${type}: ${sent} datagrams`, links.status(1)!.counters);
  await links.close();
  await close(peer);
});

it(`tcp takes any stream, seed ${SEED}`, async () => {
  const random = generator(SEED);
  const port = await freePort();
  const links = new RecordedLinks();
  const remote = { address: '127.0.0.6', port: await freePort('127.0.0.6') };
  links.set(config('tcp', 1, port, 0, { remote, mtu: 1_000 }));
  let streams = 0;
  for (const end = Date.now() + (MINUTES * 60_000) / 3; Date.now() < end; streams++) {
    const socket = connect({ host: '127.0.0.1', port, localAddress: remote.address });
    socket.on('error', () => undefined);
    const closed = new Promise(resolve => socket.once('close', resolve));
    for (let i = random(30); i > 0; i--) {
      const bytes = garbage(random);
      const length = Buffer.alloc(4);
      length.writeUInt32BE(random(50) ? bytes.length : random(0xffffffff));
      const stream = Buffer.concat([length, bytes]);
      const cut = random(stream.length);
      socket.write(stream.subarray(0, cut));
      socket.write(stream.subarray(cut));
    }
    socket.resume();
    socket.end();
    await closed;
    check(links);
  }
  console.log(`tcp: ${streams} streams`, links.status(1)!.counters);
  await links.close();
});

it(`frames come out of a stream however it is cut, seed ${SEED}`, () => {
  const random = generator(SEED);
  for (let round = 0; round < 2_000; round++) {
    const frames = Array.from({ length: random(20) }, () => Buffer.alloc(random(300), random(256)));
    const stream = Buffer.concat(
      frames.flatMap(frame => [Buffer.from([0, 0, frame.length >> 8, frame.length]), frame]),
    );
    const out: Buffer[] = [];
    const reader = new FrameStream(frame => out.push(Buffer.from(frame)));
    for (let at = 0; at < stream.length;) {
      const size = 1 + random(400);
      expect(reader.push(stream.subarray(at, at + size))).toBeUndefined();
      at += size;
    }
    expect(Buffer.concat(out).equals(Buffer.concat(frames))).toBe(true);
    expect(out.map(({ length }) => length)).toEqual(frames.map(({ length }) => length));
  }
});

import { fragmentIpv4 } from './ip-fragments';
import { packetTooBig } from './packet-too-big';
import { packet, read, RECEIVER, SENDER, superFrame, type PacketShape } from './testing/packets';
import { generator } from './testing/random';

const udp: PacketShape = { version: 4, protocol: 'udp', payload: new Uint8Array(3_000).fill(7) };
const asSuperFrame = (shape: PacketShape) => Buffer.concat([new Uint8Array(12), packet(shape).frame]);

describe('the answer to a packet that is too big', () => {
  it.each([0, 1, 2])(
    'is ICMPv4 "fragmentation needed" with the MTU, from the destination, behind %i tags',
    tags => {
      const frame = superFrame({ ...udp, protocol: 'tcp', tags }, 1_460);
      const answer = packetTooBig(frame, 1_450)!;
      expect(answer.subarray(0, 12)).toEqual(new Uint8Array(12));
      const { transport, addresses, ipBytes, protocol, ...rest } = read(answer.subarray(12));
      expect([...answer.subarray(12, 24)]).toEqual([...SENDER, ...RECEIVER]);
      expect([...addresses]).toEqual([10, 9, 8, 7, 10, 1, 2, 3]);
      expect({ protocol, ipBytes, tags: rest.tags.length }).toEqual({ protocol: 1, ipBytes: 576, tags });
      expect([...transport.subarray(0, 8)]).toEqual([
        3,
        4,
        ...transport.subarray(2, 4),
        0,
        0,
        1_450 >> 8,
        1_450 & 255,
      ]);
      const start = 12 + 14 + 4 * tags;
      expect(Buffer.from(transport.subarray(8)).equals(frame.subarray(start, start + 548))).toBe(true);
    },
  );

  it('is ICMPv6 "packet too big", as long as every link can carry it', () => {
    const frame = asSuperFrame({ ...udp, version: 6, options: 8 });
    const answer = read(packetTooBig(frame, 1_400)!.subarray(12));
    expect({ protocol: answer.protocol, ipBytes: answer.ipBytes }).toEqual({ protocol: 58, ipBytes: 1280 });
    expect([...answer.transport.subarray(0, 8)]).toEqual([
      2,
      0,
      ...answer.transport.subarray(2, 4),
      0,
      0,
      5,
      120,
    ]);
    expect(Buffer.from(answer.transport.subarray(8)).equals(frame.subarray(26, 26 + 1_232))).toBe(true);
  });

  it('quotes a short packet whole', () => {
    const answer = read(
      packetTooBig(asSuperFrame({ ...udp, payload: new Uint8Array(60) }), 68)!.subarray(12),
    );
    expect(answer.ipBytes).toBe(20 + 8 + 88);
  });

  it.each<[string, Partial<PacketShape>, (frame: Uint8Array) => void]>([
    ['IPv4 that may be fragmented', { dontFragment: false }, () => undefined],
    ['a later fragment', {}, frame => (frame[26 + 7] = 9)],
    ['a broadcast', { destinationMac: [255, 255, 255, 255, 255, 255] }, () => undefined],
    ['a group as sender', {}, frame => (frame[12 + 6] = 1)],
    ['a multicast packet to one station', {}, frame => (frame[26 + 16] = 224)],
    ['a packet from nobody', {}, frame => (frame[26 + 12] = 0)],
    ['a packet from loopback', {}, frame => (frame[26 + 12] = 127)],
    ['an ICMP error', { protocol: 'icmp', icmpType: 3 }, () => undefined],
    ['an ICMPv6 error', { protocol: 'icmp', version: 6, icmpType: 2 }, () => undefined],
    ['an ICMPv6 redirect', { protocol: 'icmp', version: 6, icmpType: 137 }, () => undefined],
    ['an IPv6 multicast', { version: 6 }, frame => (frame[26 + 24] = 0xff)],
    ['IPv6 from nobody', { version: 6 }, frame => frame.fill(0, 26 + 8, 26 + 24)],
    ['what is not IP', {}, frame => (frame[24] = 0x88)],
    ['a packet longer than its frame', {}, frame => (frame[26 + 2] = 0xff)],
  ])('is not given to %s', (_, shape, change) => {
    const frame = asSuperFrame({ ...udp, ...shape });
    change(frame);
    expect(packetTooBig(frame, 1_000)).toBeUndefined();
  });

  it('is given to an echo request', () => {
    expect(packetTooBig(asSuperFrame({ ...udp, protocol: 'icmp' }), 1_000)).toBeDefined();
    expect(packetTooBig(asSuperFrame({ ...udp, protocol: 'icmp', version: 6 }), 1_000)).toBeDefined();
  });

  it('stays in bounds whatever comes', () => {
    const random = generator(6);
    for (let round = 0; round < 2_000; round++) {
      const version = random(2) ? 4 : 6;
      const frame = asSuperFrame({ ...udp, version, tags: random(3), payload: new Uint8Array(random(200)) });
      const cut = Buffer.from(frame.subarray(0, random(frame.length + 1)));
      for (let hits = random(4); hits > 0; hits--) cut[random(cut.length)] = random(256);
      const answer = packetTooBig(cut, 68 + random(1_000));
      if (answer) expect(answer.length).toBeLessThanOrEqual(cut.length + 48);
    }
  });
});

describe('fragmentation', () => {
  it('yields fragments that reassemble to the packet, also when fragmented again', () => {
    const random = generator(7);
    for (let round = 0; round < 200; round++) {
      const payload = Uint8Array.from({ length: random(4_000) }, () => random(256));
      const options = random(2) * 8;
      const { frame } = packet({ ...udp, payload, options, dontFragment: false, tags: random(2) });
      const whole = read(frame);
      const mtu = 68 + random(1_500);
      let fragments = fragmentIpv4(frame, mtu)!;
      if (random(2)) fragments = fragments.flatMap(fragment => fragmentIpv4(fragment, 68 + random(200))!);
      const parts = fragments.map(read);
      let next = 0;
      parts.forEach((part, i) => {
        expect(part.ipBytes).toBeLessThanOrEqual(Math.max(mtu, 20));
        expect(part.fragmentOffset).toBe(next);
        expect(part.moreFragments).toBe(i < parts.length - 1);
        next += part.transport.length;
      });
      expect(Buffer.concat(parts.map(part => part.transport)).equals(whole.transport)).toBe(true);
    }
  });

  it('repeats only the options that are to be repeated', () => {
    const { frame } = packet({ ...udp, options: 8, dontFragment: false });
    // Record route (7) is not to be copied.
    frame.set([7, 4, 5, 6, 0x83, 3, 9, 0], 34);
    const [first, second] = fragmentIpv4(frame, 1_500)!;
    expect([...first!.subarray(34, 42)]).toEqual([7, 4, 5, 6, 0x83, 3, 9, 0]);
    expect([...second!.subarray(34, 42)]).toEqual([1, 1, 1, 1, 0x83, 3, 9, 0]);
  });

  it('is refused for what must not be fragmented, and leaves alone what fits', () => {
    expect(fragmentIpv4(packet(udp).frame, 1_500)).toBeUndefined();
    expect(fragmentIpv4(packet({ ...udp, version: 6 }).frame, 1_500)).toBeUndefined();
    const { frame } = packet({ ...udp, dontFragment: false });
    expect(fragmentIpv4(frame, 67)).toBeUndefined();
    expect(fragmentIpv4(frame, 4_000)).toEqual([frame]);
  });

  it('stays in bounds whatever comes', () => {
    const random = generator(8);
    for (let round = 0; round < 2_000; round++) {
      const { frame } = packet({
        ...udp,
        payload: new Uint8Array(random(300)),
        options: 8,
        dontFragment: false,
      });
      const cut = frame.slice(0, random(frame.length + 1));
      for (let hits = random(6); hits > 0; hits--) cut[14 + random(40)] = random(256);
      const fragments = fragmentIpv4(cut, 60 + random(200)) ?? [];
      expect(fragments.length).toBeLessThanOrEqual(50);
      expect(Math.max(0, ...fragments.map(fragment => fragment.length))).toBeLessThanOrEqual(cut.length);
    }
  });
});

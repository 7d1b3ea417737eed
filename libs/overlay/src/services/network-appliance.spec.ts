import { decode, encode } from 'dns-packet';
import {
  arpFrame,
  BROADCAST_MAC,
  findIpPacket,
  formatMac,
  icmpFrame,
  ipv4Frame,
  parseArp,
  parseIpv4,
  parseMac,
  SUPER_FRAME_ETHERNET,
  superFrameProblem,
} from '@v3vee/wire';
import { generator } from '../testing/frames';
import { addressOption, dhcpRequest, guestDatagram, readDatagram, readDhcp } from '../testing/station';
import { DhcpServer } from './dhcp-server';
import { DnsResponder } from './dns-responder';
import { LeaseTable } from './lease-table';
import { Members, toSubnet } from './members';
import { NetworkAppliance } from './network-appliance';

const MAC = '0a:56:33:00:00:01';
const A = { mac: '02:00:00:00:00:0a', ip: '10.10.0.11' };
const us = (port: number) => ({ mac: MAC, ip: '10.10.0.1', port });
const everybody = { mac: BROADCAST_MAC, ip: '255.255.255.255', port: 67 };
const nobody = { mac: A.mac, ip: '0.0.0.0' };
const IP = SUPER_FRAME_ETHERNET + 14;

function world(services: { dhcp?: boolean; dns?: boolean; save?: () => Promise<void> } = {}) {
  const sent: Uint8Array[] = [];
  const failures: unknown[] = [];
  const strangers: string[] = [];
  const subnet = toSubnet('10.10.0.0/24', '10.10.0.1');
  const members = new Members([{ name: 'a1', mac: A.mac, fixed: null, reported: [] }]);
  const leases = new LeaseTable(subnet, members);
  const settings = { subnet, domain: 'lan.internal', dns: true, mtu: null };
  const dhcp = new DhcpServer(settings, leases, { save: services.save ?? (() => Promise.resolve()) });
  const dns = new DnsResponder({ domain: 'lan.internal', network: 'lan' }, () => members, leases);
  const appliance = new NetworkAppliance({
    mac: MAC,
    subnet,
    dhcp: services.dhcp === false ? undefined : dhcp,
    dns: services.dns === false ? undefined : dns,
    send: frames => sent.push(...frames),
    onFailure: thrown => failures.push(thrown),
    onStranger: async mac => void strangers.push(mac),
  });
  /** What it sends in reaction, which may take some turns of the event loop. */
  const react = async (...frames: Uint8Array[]) => {
    sent.length = 0;
    appliance.receive(frames);
    await new Promise(setImmediate);
    return [...sent];
  };
  return { appliance, react, failures, strangers, leases };
}
const ends = (destinationMac: string, destination = '10.10.0.1') => ({
  sourceMac: parseMac(A.mac),
  destinationMac: parseMac(destinationMac),
  source: parseIpv4(A.ip),
  destination: parseIpv4(destination),
});
const arpFor = (address: string, operation = 1) =>
  arpFrame(parseMac(BROADCAST_MAC), {
    operation,
    senderMac: parseMac(A.mac),
    senderIp: parseIpv4(A.ip),
    targetMac: new Uint8Array(6),
    targetIp: parseIpv4(address),
  });
const echo = (mac = MAC, bytes = 56) =>
  icmpFrame(
    ends(mac),
    8,
    0,
    Uint8Array.from({ length: 4 + bytes }, (_, i) => i),
  );
const question = encode({ type: 'query', id: 5, questions: [{ type: 'A', name: 'a1' }] });
const withoutChecksum = (frame: Uint8Array, flags: number) => {
  const offloaded = frame.slice();
  offloaded.set([flags, 0, 0, 0, 0, 0, 34, 0, 6, 0]);
  offloaded.set([0x12, 0x34], IP + 20 + 6);
  return offloaded;
};

describe('the appliance of a network', () => {
  it('answers ARP for its address only', async () => {
    const { react } = world();
    const [answer, ...more] = await react(arpFor('10.10.0.1'), arpFor('10.10.0.2'), arpFor('10.10.0.1', 2));
    expect(more).toEqual([]);
    expect(formatMac(answer!, SUPER_FRAME_ETHERNET)).toBe(A.mac);
    expect(parseArp(answer!, IP)).toEqual({
      operation: 2,
      senderMac: parseMac(MAC),
      senderIp: parseIpv4('10.10.0.1'),
      targetMac: parseMac(A.mac),
      targetIp: parseIpv4(A.ip),
    });
  });

  it('answers pings of any size with what they carry', async () => {
    const { react } = world();
    for (const bytes of [0, 56, 1472]) {
      const [answer] = await react(echo(MAC, bytes));
      expect(superFrameProblem(answer!)).toBeUndefined();
      expect(answer!.subarray(0, 12)).toEqual(new Uint8Array(12));
      const packet = findIpPacket(answer!, SUPER_FRAME_ETHERNET)!;
      expect(answer![packet.payload]).toBe(0);
      expect(answer!.subarray(packet.payload + 4)).toEqual(echo(MAC, bytes).subarray(packet.payload + 4));
    }
  });

  it('leads a guest through DHCP', async () => {
    const { react, leases } = world();
    const say = async (...message: Parameters<typeof dhcpRequest>) => {
      const [frame] = await react(guestDatagram(nobody, everybody, dhcpRequest(...message), 68));
      const { payload, ...datagram } = readDatagram(frame!);
      return { ...datagram, ...readDhcp(payload), mac: formatMac(frame!, SUPER_FRAME_ETHERNET) };
    };
    expect(await say(A.mac, 'DISCOVER')).toMatchObject({
      type: 'OFFER',
      from: '10.10.0.1',
      to: '10.10.0.2',
      sourcePort: 67,
      destinationPort: 68,
      mac: A.mac,
      name: 'a1',
    });
    expect(await say(A.mac, 'DISCOVER', { broadcast: true })).toMatchObject({
      to: '255.255.255.255',
      mac: BROADCAST_MAC,
    });
    const options = { REQUESTED_ADDRESS: addressOption('10.10.0.2') };
    expect(await say(A.mac, 'REQUEST', { options })).toMatchObject({ type: 'ACK', to: '10.10.0.2' });
    expect(leases.active(A.mac, Date.now())).toBe(parseIpv4('10.10.0.2'));
    const wrong = { REQUESTED_ADDRESS: addressOption('10.10.0.3') };
    expect(await say(A.mac, 'REQUEST', { options: wrong })).toMatchObject({
      type: 'NAK',
      to: '255.255.255.255',
    });
    const [renewal] = await react(
      guestDatagram(
        { ...A, ip: '10.10.0.2' },
        us(67),
        dhcpRequest(A.mac, 'REQUEST', { client: '10.10.0.2' }),
        68,
      ),
    );
    expect(readDhcp(readDatagram(renewal!).payload)).toMatchObject({ type: 'ACK', your: '10.10.0.2' });
  });

  it('asks for news before it serves a station that it does not know', async () => {
    const { react, strangers } = world();
    const mac = '02:99:00:00:00:01';
    const frames = await react(
      guestDatagram({ mac, ip: '0.0.0.0' }, everybody, dhcpRequest(mac, 'DISCOVER'), 68),
    );
    expect(strangers).toEqual([mac]);
    expect(frames).toHaveLength(1);
  });

  it('tells when a lease could not be written down, and gives none', async () => {
    const { react, failures, appliance } = world({ save: () => Promise.reject(new Error('no database')) });
    const options = { REQUESTED_ADDRESS: addressOption('10.10.0.2') };
    expect(
      await react(guestDatagram(nobody, everybody, dhcpRequest(A.mac, 'REQUEST', { options }), 68)),
    ).toEqual([]);
    expect(failures).toEqual([new Error('no database')]);
    expect(appliance.counters.failed).toBe(1);
  });

  it('answers DNS', async () => {
    const { react } = world();
    const [frame] = await react(guestDatagram(A, us(53), question));
    const { payload, ...datagram } = readDatagram(frame!);
    expect(datagram).toMatchObject({ from: '10.10.0.1', to: A.ip, sourcePort: 53, destinationPort: 40_000 });
    expect(decode(Buffer.from(payload))).toMatchObject({ id: 5, rcode: 'NOERROR' });
  });

  it('does not verify checksums that the guest leaves to its card, and verifies others', async () => {
    const { react, appliance } = world();
    const good = guestDatagram(A, us(53), question);
    expect(await react(withoutChecksum(good, 1))).toHaveLength(1);
    expect(await react(withoutChecksum(good, 2))).toHaveLength(1);
    expect(await react(withoutChecksum(good, 0))).toHaveLength(0);
    expect(appliance.counters.malformed).toBe(1);
  });

  it('says of everything else that it is unreachable, quoting it', async () => {
    const { react } = world({ dns: false });
    const tcp = ipv4Frame(ends(MAC), 6, new Uint8Array(20).fill(9));
    for (const frame of [guestDatagram(A, us(53), question), guestDatagram(A, us(9), question), tcp]) {
      const [answer] = await react(frame);
      const packet = findIpPacket(answer!, SUPER_FRAME_ETHERNET)!;
      expect([packet.protocol, ...answer!.subarray(packet.payload, packet.payload + 2)]).toEqual([1, 3, 3]);
      expect(answer!.subarray(packet.payload + 8)).toEqual(frame.subarray(IP, IP + 28));
    }
    expect(await react(guestDatagram(A, { ...us(9), mac: BROADCAST_MAC }, question))).toEqual([]);
  });

  it('does not speak DHCP where it is not wanted', async () => {
    const { react } = world({ dhcp: false });
    expect(await react(guestDatagram(nobody, everybody, dhcpRequest(A.mac, 'DISCOVER'), 68))).toEqual([]);
  });

  it('says nothing to packets for others, from nobody, from groups, in fragments or in tags', async () => {
    const { react } = world();
    const from = (octets: number[]) => {
      const frame = icmpFrame({ ...ends(MAC), source: parseIpv4(octets.join('.')) }, 8, 0, new Uint8Array(8));
      return frame;
    };
    const group = echo();
    group[SUPER_FRAME_ETHERNET + 6]! |= 1;
    const fragment = icmpFrame(ends(MAC), 8, 0, new Uint8Array(8));
    fragment.set([0x20, 0, 64, 1, 0, 0], IP + 6);
    const tagged = echo();
    tagged.set([0x81, 0], IP - 2);
    const frames = [
      echo(BROADCAST_MAC),
      echo('02:00:00:00:00:77'),
      icmpFrame(ends(MAC, '10.10.0.9'), 8, 0, new Uint8Array(8)),
      icmpFrame(ends(MAC), 0, 0, new Uint8Array(8)),
      from([0, 0, 0, 0]),
      from([127, 0, 0, 1]),
      from([224, 0, 0, 1]),
      from([255, 255, 255, 255]),
      from([10, 10, 0, 1]),
      group,
      fragment,
      tagged,
      ipv4Frame(ends(MAC), 50, new Uint8Array(20)),
    ];
    for (const frame of frames) expect(await react(frame)).toEqual([]);
  });

  it('answers at most one sound frame for each frame of any octets', async () => {
    const { appliance, react } = world();
    const next = generator(23);
    const good = [
      arpFor('10.10.0.1'),
      echo(),
      guestDatagram(A, us(53), question),
      guestDatagram(nobody, everybody, dhcpRequest(A.mac, 'DISCOVER'), 68),
      ipv4Frame(ends(MAC), 6, new Uint8Array(20)),
    ];
    for (let round = 0; round < 100; round++) {
      const frames = Array.from({ length: 50 }, () => {
        const whole = good[next(good.length)]!;
        const frame = next(3) ? whole.slice() : whole.slice(0, next(whole.length));
        for (let flips = next(6); flips > 0 && frame.length > 0; flips--) {
          frame[next(4) ? Math.min(next(80), frame.length - 1) : next(frame.length)] = next(256);
        }
        return frame;
      });
      const answers = await react(...frames);
      expect(answers.length).toBeLessThanOrEqual(frames.length);
      for (const answer of answers) {
        expect(superFrameProblem(answer)).toBeUndefined();
        expect(formatMac(answer, SUPER_FRAME_ETHERNET + 6)).toBe(MAC);
      }
    }
    expect(appliance.counters.received).toBe(5_000);
    expect(appliance.counters.malformed).toBeGreaterThan(0);
    expect(await react(echo())).toHaveLength(1);
  });
});

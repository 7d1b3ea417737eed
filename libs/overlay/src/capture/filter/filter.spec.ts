import { spawnSync } from 'node:child_process';
import { compileFilter } from './index';
import { packets, type PacketName } from './testing/packets';

const names = Object.keys(packets) as PacketName[];

function matching(filter: string): PacketName[] {
  const test = compileFilter(filter);
  return names.filter(name => {
    // Anywhere in a buffer.
    const bytes = new Uint8Array(12 + packets[name].length);
    bytes.set(packets[name], 12);
    return test({ bytes, start: 12, outbound: true });
  });
}

const V4 = 'ping pong web webAnswer ssh dns long firstFragment laterFragment sctp mdns igmp';
const expected: Record<string, string> = {
  arp: 'arpRequest arpReply',
  ip: `${V4} garbage`,
  ip6: 'web6 dns6 fragment6 solicitation',
  icmp: 'ping pong',
  'icmp or arp': 'arpRequest arpReply ping pong',
  icmp6: 'solicitation',
  tcp: 'web webAnswer ssh web6',
  udp: 'dns long firstFragment laterFragment mdns dns6 fragment6',
  'udp and not ip6': 'dns long firstFragment laterFragment mdns',
  'host 10.0.0.2': 'arpRequest arpReply ping pong web webAnswer dns firstFragment laterFragment sctp',
  'src host 10.0.0.2': 'arpReply pong webAnswer',
  'src 10.0.0.2 and dst 10.0.0.1': 'arpReply pong webAnswer',
  'ip host 10.0.1.9': 'dns long',
  'arp host 10.0.0.1': 'arpRequest arpReply',
  'arp dst 10.0.0.2': 'arpRequest',
  'host fd00::2': 'web6 dns6 fragment6',
  'dst host fd00::0:2': 'web6 fragment6',
  'host 10.0.1.9 or 192.168.1.7': 'ssh dns long',
  'host (10.0.1.9 or 192.168.1.7) and tcp': 'ssh',
  'net 192.168': 'ssh',
  'net 10.0.1.0/24': 'dns long',
  'net 10.200.0.0 mask 255.255.0.0': 'long',
  'dst net 10.200/16': 'long',
  'src net fd00::/64 and udp': 'dns6 fragment6',
  'port 80': 'web webAnswer sctp',
  'tcp port 80 or 443': 'web webAnswer web6',
  'tcp dst port http': 'web',
  'src port 53': 'firstFragment dns6',
  'udp port domain': 'dns firstFragment dns6',
  'port 22': 'ssh',
  'src and dst port 53': 'firstFragment',
  'src or dst port 53': 'dns firstFragment dns6',
  'portrange 6000-6010': 'long',
  'udp dst portrange 6008-6000': 'long',
  'ether host 02:00:00:00:00:0b and icmp': 'ping pong',
  'ether src 02:00:00:00:00:0b': 'arpReply pong webAnswer dns6',
  'ether dst ff:ff:ff:ff:ff:ff': 'arpRequest rarp',
  'ether proto 0x88cc': 'lldp',
  'ether proto \\arp': 'arpRequest arpReply',
  'ip proto 17 and net 10.0.1': 'dns long',
  'ip6 proto \\udp': 'dns6 fragment6',
  'proto \\tcp': 'web webAnswer ssh web6',
  'ip proto \\igmp': 'igmp',
  broadcast: 'arpRequest rarp',
  'ether multicast and not ether broadcast': 'mdns igmp solicitation lldp',
  'ip multicast': 'mdns igmp',
  'ip6 multicast': 'solicitation',
  vlan: 'tagged taggedOther twice',
  'vlan 7': 'tagged',
  'vlan and tcp port 80': 'tagged',
  'vlan and ip6 and udp': 'taggedOther',
  'vlan 5 and vlan 7 and host 10.0.0.1': 'twice',
  'greater 1000': 'long',
  'less 20': 'garbage',
  rarp: 'rarp',
  sctp: 'sctp',
  // "and" and "or" bind equally, to the left, as in libpcap.
  'icmp or tcp and port 80': 'web webAnswer',
  'icmp or (tcp and port 80)': 'ping pong web webAnswer',
  '! ip && ! ip6 && ! vlan': 'arpRequest arpReply rarp lldp',
  'not host 10.0.0.1 and tcp or icmp6': 'web6 solicitation',
  '': names.join(' '),
};

it.each(Object.entries(expected))('"%s" selects: %s', (filter, selected) => {
  expect(matching(filter).join(' ')).toBe(selected);
});

it('knows the direction', () => {
  const frame = { bytes: packets.ping, start: 0 };
  expect(compileFilter('inbound and icmp')({ ...frame, outbound: false })).toBe(true);
  expect(compileFilter('inbound')({ ...frame, outbound: true })).toBe(false);
  expect(compileFilter('outbound')({ ...frame, outbound: true })).toBe(true);
});

it.each([
  ['hots 10.0.0.1', 1, '"hots" is not a word'],
  ['tcp port', 9, 'a port is missing before the end'],
  ['tcp port 80 udp', 13, 'joined with "and" or "or"'],
  ['host 10.0.0.300', 6, '"10.0.0.300" is no IPv4'],
  ['host a1', 6, 'names are not resolved'],
  ['host 02:00:00:00:00:0b', 6, 'write "ether host'],
  ['ether host 10.0.0.1', 12, 'no Ethernet address'],
  ['net 10.0.0.1/8', 5, 'bits outside its mask'],
  ['net 10.0.0.0/33', 5, 'at most 32 bits'],
  ['net 10.0.0.0 mask 10', 5, 'no mask'],
  ['port 65536', 6, 'not a port'],
  ['port -1', 6, 'not a port'],
  ['portrange 1-2-3', 11, 'not a range'],
  ['icmp port 80', 11, '"icmp" has no ports'],
  ['tcp host 10.0.0.1', 10, '"tcp" has no host'],
  ['ip6 host 10.0.0.1', 10, '"ip6" has no host'],
  ['(icmp or arp', 13, '")" is missing for the "(" in column 1'],
  ['icmp)', 5, 'does not belong here'],
  ['()', 2, 'is not a word'],
  ['and icmp', 1, 'is not a word'],
  ['icmp or', 8, 'the end is not'],
  ['ether', 6, 'is missing before the end'],
  ['ether proto 12', 13, 'no EtherType'],
  ['tcp proto 6', 11, 'means nothing'],
  ['proto 256', 7, 'no IP protocol'],
  ['src proto 6', 11, 'no direction'],
  ['less x', 6, 'not a number of bytes'],
  ['vlan 4096', 6, 'not a VLAN'],
  ['ip broadcast', 4, 'needs a netmask'],
  ['tcp[13] & 2 != 0', 4, 'single bytes'],
  ['gateway 10.0.0.1', 1, 'is not a word'],
  ['ü', 1, 'is not a word'],
])('"%s" is refused in column %d', (filter, column, why) => {
  let thrown: unknown;
  try {
    compileFilter(filter);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toMatchObject({
    code: 'CAPTURE_FILTER_INVALID',
    message: expect.stringMatching(`^column ${column}: `),
    fields: [{ path: 'filter', line: 1, column }],
  });
  expect((thrown as Error).message).toContain(why);
});

it('takes any text in bounded time and memory', () => {
  for (const text of [
    '('.repeat(1_000),
    'not '.repeat(250),
    '!'.repeat(1_000),
    'vlan and '.repeat(110) + 'ip',
  ])
    try {
      compileFilter(text);
    } catch (error) {
      expect(error).toMatchObject({ code: 'CAPTURE_FILTER_INVALID' });
    }
});

const hasTcpdump = spawnSync('tcpdump', ['--version']).status === 0;
(hasTcpdump ? it : it.skip)('selects what tcpdump selects', () => {
  const file = pcapFile(names.map(name => packets[name]));
  for (const filter of Object.keys(expected)) {
    const { stdout, stderr, status } = spawnSync('tcpdump', ['-r', '-', '-w', '-', filter], { input: file });
    expect([filter, status, status === 0 ? '' : String(stderr)]).toEqual([filter, 0, '']);
    expect([filter, indexes(stdout).map(i => names[i])]).toEqual([filter, matching(filter)]);
  }
});

/** The classic format: packet i has time i. */
function pcapFile(frames: Uint8Array[]): Buffer {
  const words = (...values: number[]) => Buffer.from(Uint32Array.from(values).buffer);
  const records = frames.flatMap((frame, i) => [words(i, 0, frame.length, frame.length), frame]);
  return Buffer.concat([words(0xa1b2c3d4, 0x00040002, 0, 0, 65_535, 1), ...records]);
}

function indexes(file: Buffer): number[] {
  const found: number[] = [];
  for (let at = 24; at < file.length; at += 16 + file.readUInt32LE(at + 8)) found.push(file.readUInt32LE(at));
  return found;
}

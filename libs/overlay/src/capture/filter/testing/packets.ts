/** Frames of all kinds that filters tell apart, written octet by octet. */
const word = (n: number) => [n >> 8, n & 255];
const hex = (text: string) => [...Buffer.from(text.replaceAll(/[^0-9a-f]/g, ''), 'hex')];

const A = hex('02:00:00:00:00:0a');
const B = hex('02:00:00:00:00:0b');
const ALL = hex('ff:ff:ff:ff:ff:ff');
const quad = (text: string) => text.split('.').map(Number);

const ethernet = (type: number, to = B, from = A) => [...to, ...from, ...word(type)];
function ipv4(
  protocol: number,
  source: string,
  destination: string,
  payload: number[],
  { options = 0, fragment = 0 } = {},
): number[] {
  const bytes = 20 + options;
  return [
    0x40 | (bytes / 4),
    0,
    ...word(bytes + payload.length),
    ...word(1),
    ...word(fragment),
    64,
    protocol,
    0,
    0,
    ...quad(source),
    ...quad(destination),
    ...new Array<number>(options).fill(1),
    ...payload,
  ];
}
function ipv6(next: number, source: string, destination: string, payload: number[]): number[] {
  return [0x60, 0, 0, 0, ...word(payload.length), next, 64, ...hex(source), ...hex(destination), ...payload];
}
const tcp = (from: number, to: number) => [
  ...word(from),
  ...word(to),
  ...hex('00000001 00000002 5010 0100 0000 0000'),
];
const udp = (from: number, to: number, bytes = 8) => [
  ...word(from),
  ...word(to),
  ...word(8 + bytes),
  0,
  0,
  ...new Array<number>(bytes).fill(7),
];
const arp = (operation: number, sender: string, target: string) => [
  ...hex('0001 0800 06 04'),
  ...word(operation),
  ...A,
  ...quad(sender),
  ...hex('000000000000'),
  ...quad(target),
];
const tag = (id: number, type: number) => [...word(id), ...word(type)];
const D1 = 'fd000000000000000000000000000001';
const D2 = 'fd000000000000000000000000000002';
const GROUP = 'ff0200000000000000000001ff000002';

const octets = {
  arpRequest: [...ethernet(0x0806, ALL), ...arp(1, '10.0.0.1', '10.0.0.2')],
  arpReply: [...ethernet(0x0806, A, B), ...arp(2, '10.0.0.2', '10.0.0.1')],
  rarp: [...ethernet(0x8035, ALL), ...arp(3, '10.0.0.1', '0.0.0.0')],
  ping: [...ethernet(0x0800), ...ipv4(1, '10.0.0.1', '10.0.0.2', hex('0800000000010001'))],
  pong: [...ethernet(0x0800, A, B), ...ipv4(1, '10.0.0.2', '10.0.0.1', hex('0000000000010001'))],
  web: [...ethernet(0x0800), ...ipv4(6, '10.0.0.1', '10.0.0.2', tcp(40_000, 80))],
  webAnswer: [...ethernet(0x0800, A, B), ...ipv4(6, '10.0.0.2', '10.0.0.1', tcp(80, 40_000))],
  ssh: [...ethernet(0x0800), ...ipv4(6, '10.0.0.1', '192.168.1.7', tcp(40_001, 22), { options: 8 })],
  dns: [...ethernet(0x0800), ...ipv4(17, '10.0.1.9', '10.0.0.2', udp(5353, 53))],
  long: [...ethernet(0x0800), ...ipv4(17, '10.0.1.9', '10.200.0.2', udp(6000, 6008, 1_000))],
  firstFragment: [
    ...ethernet(0x0800),
    ...ipv4(17, '10.0.0.1', '10.0.0.2', udp(53, 53), { fragment: 0x2000 }),
  ],
  laterFragment: [
    ...ethernet(0x0800),
    ...ipv4(17, '10.0.0.1', '10.0.0.2', udp(53, 53), { fragment: 0x0010 }),
  ],
  sctp: [
    ...ethernet(0x0800),
    ...ipv4(132, '10.0.0.1', '10.0.0.2', [...word(80), ...word(80), ...hex('0000000100000000')]),
  ],
  mdns: [
    ...ethernet(0x0800, hex('01:00:5e:00:00:fb')),
    ...ipv4(17, '10.0.0.1', '224.0.0.251', udp(5353, 5353)),
  ],
  igmp: [
    ...ethernet(0x0800, hex('01:00:5e:00:00:16')),
    ...ipv4(2, '10.0.0.1', '224.0.0.22', hex('2200000000000000')),
  ],
  web6: [...ethernet(0x86dd), ...ipv6(6, D1, D2, tcp(40_000, 443))],
  dns6: [...ethernet(0x86dd, A, B), ...ipv6(17, D2, D1, udp(53, 40_000))],
  fragment6: [...ethernet(0x86dd), ...ipv6(44, D1, D2, [17, 0, ...hex('0001 00000001'), ...udp(53, 53)])],
  solicitation: [
    ...ethernet(0x86dd, hex('33:33:ff:00:00:02')),
    ...ipv6(58, D1, GROUP, hex('8700000000000000' + D2)),
  ],
  tagged: [...ethernet(0x8100), ...tag(7, 0x0800), ...ipv4(6, '10.0.0.1', '10.0.0.2', tcp(40_000, 80))],
  taggedOther: [...ethernet(0x8100), ...tag(0x6009, 0x86dd), ...ipv6(17, D1, D2, udp(1, 53))],
  twice: [
    ...ethernet(0x88a8),
    ...tag(5, 0x8100),
    ...tag(7, 0x0800),
    ...ipv4(17, '10.0.0.1', '10.0.0.2', udp(9, 9)),
  ],
  lldp: [...ethernet(0x88cc, hex('01:80:c2:00:00:0e')), ...hex('0207 04 020000000a 0000')],
  garbage: [...ethernet(0x0800), 0x45],
};
export type PacketName = keyof typeof octets;
export const packets = Object.fromEntries(
  Object.entries(octets).map(([name, frame]) => [name, Uint8Array.from(frame)]),
) as Record<PacketName, Uint8Array>;

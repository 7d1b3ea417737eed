import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  enhancedPacket,
  interfaceDescription,
  interfaceStatistics,
  pcapngBlocks,
  sectionHeader,
  type CapturedPacket,
} from './pcapng';
import { RADIOTAP_LINK_TYPE } from './ieee80211';
import { PcapngSplitter, readInterface, readPacket, readStatistics } from './pcapng-reader';

const NOW = 1_800_000_000_123_456_789n;
const packet = (more: Partial<CapturedPacket> = {}): CapturedPacket => ({
  interfaceId: 0,
  time: NOW,
  direction: 'out',
  length: 60,
  bytes: Uint8Array.from({ length: 60 }, (_, i) => i),
  ...more,
});
const statistics = {
  interfaceId: 0,
  time: NOW + 5n,
  started: NOW,
  ended: NOW + 4n,
  accepted: 12,
  dropped: 3,
  droppedOnTheWay: 4,
  delivered: 5,
  comment: 'VM a1 was deleted',
};
const file = (packets: CapturedPacket[]) =>
  Buffer.concat([
    sectionHeader({ application: 'v3 capture' }),
    interfaceDescription({ name: 'a1/net0', description: 'a NIC', filter: 'icmp or arp', snapLength: 96 }),
    ...packets.map(enhancedPacket),
    interfaceStatistics(statistics),
  ]);

it('writes what the specification says, octet by octet', () => {
  expect(Buffer.from(sectionHeader({ application: 'v3' })).toString('hex')).toBe(
    '0a0d0d0a28000000' +
      '4d3c2b1a' +
      '01000000' +
      'ffffffffffffffff' +
      '0400020076330000' +
      '00000000' +
      '28000000',
  );
  expect(Buffer.from(interfaceDescription({ name: 'n', snapLength: 256 })).toString('hex')).toBe(
    '01000000280000000100000000010000' + '020001006e000000' + '0900010009000000' + '00000000' + '28000000',
  );
  const bytes = Uint8Array.of(1, 2, 3);
  const block = enhancedPacket(
    packet({ interfaceId: 2, time: 0x1_0000_0002n, direction: 'in', length: 9, bytes }),
  );
  expect(Buffer.from(block).toString('hex')).toBe(
    '0600000030000000' +
      '02000000' +
      '0100000002000000' +
      '0300000009000000' +
      '01020300' +
      '0200040001000000' +
      '00000000' +
      '30000000',
  );
});

it.each([1, 7, 4096])('is read back from pieces of %d bytes', size => {
  const packets = [1, 2, 3, 60].map(length => packet({ length, bytes: new Uint8Array(length).fill(length) }));
  const written = file(packets);
  const splitter = new PcapngSplitter();
  const blocks = [];
  for (let at = 0; at < written.length; at += size)
    blocks.push(...splitter.push(written.subarray(at, at + size)));
  expect(splitter.incomplete).toBe(0);
  expect(Buffer.concat(blocks.map(({ bytes }) => bytes)).equals(written)).toBe(true);
  const read = blocks.filter(({ type }) => type === pcapngBlocks.ENHANCED_PACKET).map(readPacket);
  expect(read.map(each => ({ ...each, bytes: Uint8Array.from(each.bytes) }))).toEqual(packets);
  expect(readStatistics(blocks.at(-1)!)).toEqual(statistics);
  expect(readInterface(blocks[1]!)).toEqual({
    name: 'a1/net0',
    linkType: 1,
    description: 'a NIC',
    filter: 'icmp or arp',
    snapLength: 96,
  });
});

it('says what the packets of another medium begin with', () => {
  const air = { name: 'wlan:alpha', linkType: RADIOTAP_LINK_TYPE, snapLength: 0 };
  const [block] = new PcapngSplitter().push(interfaceDescription(air));
  expect(readInterface(block!)).toEqual(air);
  expect(() => readInterface({ type: 6, bytes: block!.bytes })).toThrow('no pcapng interface');
});

it('refuses what is no pcapng, and says where', () => {
  const written = file([packet()]);
  const damaged = (at: number, value: number) => {
    const copy = Uint8Array.from(written);
    new DataView(copy.buffer).setUint32(at, value, true);
    return () => new PcapngSplitter().push(copy);
  };
  expect(damaged(8, 0x4d3c2b1a)).toThrow(/no little-endian pcapng section.*0/);
  expect(damaged(4, 0xffff_fff0)).toThrow('a pcapng block of 4294967280 bytes');
  expect(damaged(4, 8)).toThrow('a pcapng block of 8 bytes');
  const second = new DataView(written.buffer, written.byteOffset).getUint32(4, true);
  expect(damaged(second - 4, 9)).toThrow('the lengths of a pcapng block differ');
  const block = { type: 6, bytes: enhancedPacket(packet()) };
  new DataView(block.bytes.buffer).setUint32(20, 1_000, true);
  expect(() => readPacket(block)).toThrow('1000 bytes do not fit');
  expect(() => readStatistics(block)).toThrow('no pcapng statistics');
});

const hasTshark = spawnSync('tshark', ['--version']).status === 0;
(hasTshark ? it : it.skip)('is read by tshark', async () => {
  const fields = ['time_epoch', 'cap_len', 'len', 'interface_name', 'packet_flags_direction'];
  const packets = [packet(), packet({ time: NOW + 1n, direction: 'in', length: 1_000 })];
  const folder = await mkdtemp(join(tmpdir(), 'v3-pcapng-'));
  try {
    const path = join(folder, 'x.pcapng');
    await writeFile(path, file(packets));
    const wanted = fields.flatMap(field => ['-e', `frame.${field}`]);
    const { stdout, stderr } = spawnSync('tshark', ['-r', path, '-T', 'fields', ...wanted], {
      encoding: 'utf8',
    });
    expect(stdout.trim().split('\n')).toEqual([
      expect.stringMatching(/^1800000000\.123456789\t60\t60\ta1\/net0\t(0x0+)?2$/),
      expect.stringMatching(/^1800000000\.123456790\t60\t1000\ta1\/net0\t(0x0+)?1$/),
    ]);
    expect(stderr).not.toMatch(/malformed|damaged|cut short/i);
  } finally {
    await rm(folder, { recursive: true });
  }
});

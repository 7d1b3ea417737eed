import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { V3Error } from '@v3vee/contracts';
import {
  describePacket,
  enhancedPacket,
  interfaceDescription,
  interfaceStatistics,
  pcapngBlocks,
  PcapngSplitter,
  readStatistics,
  sectionHeader,
} from '@v3vee/wire';
import { CaptureFile } from './capture-file';
import { record } from './recording';

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(/[^0-9a-f]/g, ''), 'hex'));
const ENDS = '0200 0000 000b 0200 0000 000a';
const quads = '0a 00 00 01 0a 00 00 02';
const D1 = 'fd00 0000 0000 0000 0000 0000 0000 0001';
const D2 = 'fd00 0000 0000 0001 0000 0000 0000 0002';

it.each([
  [
    `${ENDS} 0806 0001 0800 0604 0001 0200 0000 000a 0a000001 0000 0000 0000 0a000002`,
    'ARP who has 10.0.0.2? tell 10.0.0.1',
  ],
  [
    `${ENDS} 0806 0001 0800 0604 0002 0200 0000 000b 0a000002 0200 0000 000a 0a000001`,
    'ARP 10.0.0.2 is at 02:00:00:00:00:0b',
  ],
  [
    `${ENDS} 0800 4500 0054 0001 0000 4001 0000 ${quads} 0800 0000 0102 0003`,
    '10.0.0.1 > 10.0.0.2: ICMP echo request id 258 seq 3 length 64',
  ],
  [
    `${ENDS} 0800 4500 0038 0001 0000 4001 0000 ${quads} 0304 0000 0000 05aa`,
    '10.0.0.1 > 10.0.0.2: ICMP fragmentation needed, MTU 1450',
  ],
  [
    `${ENDS} 0800 4500 002c 0001 0000 4006 0000 ${quads} 9c40 0050 0000 0001 0000 0002 5018 0100 0000 0000 ffff ffff`,
    '10.0.0.1:40000 > 10.0.0.2:80: TCP PSH ACK seq 1 ack 2 length 4',
  ],
  [
    `${ENDS} 0800 4500 0020 0001 0000 4011 0000 ${quads} 14e9 0035 000c 0000 0000 0000`,
    '10.0.0.1:5353 > 10.0.0.2:53: UDP length 4',
  ],
  [
    `${ENDS} 0800 4500 0020 0001 0010 4011 0000 ${quads} 14e9`,
    '10.0.0.1 > 10.0.0.2: fragment at 128 of protocol 17',
  ],
  [
    `${ENDS} 8100 0007 86dd 6000 0000 0008 3a40 ${D1} ${D2} 8700 0000 0000 0000 ${D2}`,
    'vlan 7 fd00::1 > fd00:0:0:1::2: ICMPv6 neighbour solicitation of fd00:0:0:1::2',
  ],
  [
    `${ENDS} 86dd 6000 0000 0014 0640 ${D1} ${D2} 0016 9c40 0000 0001 0000 0000 5012 0100 0000 0000`,
    'fd00::1.22 > fd00:0:0:1::2.40000: TCP SYN ACK seq 1 ack 0 length 0',
  ],
  [`${ENDS} 88cc 0207`, '02:00:00:00:00:0a > 02:00:00:00:00:0b: ethertype 0x88cc, length 16'],
  [`${ENDS} 0800 4500`, 'a packet of 16 bytes that is cut short'],
  ['02', 'a packet of 1 bytes that is cut short'],
])('%s is "%s"', (frame, line) => {
  const bytes = hex(frame);
  expect(describePacket(bytes, bytes.length)).toBe(line);
});

describe('a recording', () => {
  let folder: string;
  beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'v3-capture-'))));
  afterEach(() => rm(folder, { recursive: true }));

  const bytes = hex(`${ENDS} 88cc 0207`);
  const packet = () =>
    enhancedPacket({ interfaceId: 0, time: 5n, direction: 'in', length: bytes.length, bytes });
  const statistics = (delivered: number, comment?: string) =>
    interfaceStatistics({
      interfaceId: 0,
      time: 9n,
      started: 1n,
      accepted: delivered + 5,
      dropped: 2,
      droppedOnTheWay: 3,
      delivered,
      comment,
    });
  const head = [
    sectionHeader({ application: 'v3 capture' }),
    interfaceDescription({ name: 'a1/net0', snapLength: 100 }),
  ];
  function session(blocks: Uint8Array[], end?: Error) {
    const written = Buffer.concat(blocks);
    const stop = jest.fn();
    const stream = (async function* () {
      // Blocks come in any pieces.
      for (let at = 0; at < written.length; at += 50) yield written.subarray(at, at + 50);
      if (end) throw end;
    })();
    return { stream, stop };
  }
  async function blocksOf(path: string) {
    const splitter = new PcapngSplitter();
    const blocks = splitter.push(await readFile(path));
    expect(splitter.incomplete).toBe(0);
    return blocks.map(block => ({
      type: block.type,
      ...(block.type === pcapngBlocks.INTERFACE_STATISTICS ? { statistics: readStatistics(block) } : {}),
    }));
  }

  it('is a whole file with one block of statistics at its end', async () => {
    const path = join(folder, 'a.pcapng');
    const sink = await CaptureFile.create(path);
    const source = session([...head, packet(), statistics(1), packet(), statistics(2, 'the gateway stops')]);
    expect(await record({ session: source, sink })).toEqual({
      packets: 2,
      dropped: 5,
      reason: 'the gateway stops',
    });
    await sink.close();
    expect(await blocksOf(path)).toMatchObject([
      { type: pcapngBlocks.SECTION_HEADER },
      { type: pcapngBlocks.INTERFACE_DESCRIPTION },
      { type: pcapngBlocks.ENHANCED_PACKET },
      { type: pcapngBlocks.ENHANCED_PACKET },
      { statistics: { accepted: 7, dropped: 2, droppedOnTheWay: 3, delivered: 2, started: 1n } },
    ]);
  });

  it('ends after as many packets as are wanted, and not one more', async () => {
    const path = join(folder, 'a.pcapng');
    const sink = await CaptureFile.create(path);
    const source = session([...head, packet(), packet(), packet(), packet()]);
    const seen: number[] = [];
    const onPacket = ({ length }: { length: number }) => void seen.push(length);
    expect(await record({ session: source, sink, onPacket, limit: 3 })).toMatchObject({
      packets: 3,
      reason: '',
    });
    await sink.close();
    expect([seen, source.stop.mock.calls.length > 0]).toEqual([[16, 16, 16], true]);
    expect((await blocksOf(path)).length).toBe(6);
  });

  it('that is cut off leaves a whole file and fails', async () => {
    const path = join(folder, 'a.pcapng');
    const sink = await CaptureFile.create(path);
    const source = session([...head, packet()], new V3Error('SERVICE_UNAVAILABLE', 'cut off'));
    await expect(record({ session: source, sink })).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    await sink.close();
    expect((await blocksOf(path)).at(-1)).toMatchObject({ statistics: { delivered: 1 } });
  });

  it('does not overwrite a file, nor begin where it can not write', async () => {
    const path = join(folder, 'a.pcapng');
    await writeFile(path, 'precious');
    await expect(CaptureFile.create(path)).rejects.toMatchObject({
      code: 'USAGE',
      message: `${path} exists already; remove it or choose another name`,
    });
    await expect(CaptureFile.create(join(folder, 'none', 'a.pcapng'))).rejects.toThrow(
      'there is no such folder',
    );
    expect(await readFile(path, 'utf8')).toBe('precious');
  });

  it('that the disk refuses says so', async () => {
    const sink = await CaptureFile.create(join(folder, 'a.pcapng'));
    await sink.close();
    await expect(sink.write(packet())).rejects.toMatchObject({ code: 'INTERNAL' });
  });
});

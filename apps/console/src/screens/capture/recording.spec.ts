import { enhancedPacket, interfaceDescription, interfaceStatistics, sectionHeader } from '@v3vee/wire';
import { Recording } from './recording';

const arp = Uint8Array.from(
  ('ffffffffffff02000a0a000b0806' + '000108000604000102000a0a000b0a0a000b0000000000000a0a0015')
    .match(/../g)!
    .map(octet => Number.parseInt(octet, 16)),
);
const packet = (second: number) =>
  enhancedPacket({
    interfaceId: 0,
    time: BigInt(second) * 1_000_000_000n,
    direction: 'out',
    length: arp.length,
    bytes: arp,
  });
const head = [
  sectionHeader({ application: 'test' }),
  interfaceDescription({ name: 'a1/net0', filter: '', snapLength: 100 }),
];

describe('a recording in the browser', () => {
  it('has a row for each packet, whatever pieces it comes in, and the file as it came', async () => {
    const recording = new Recording();
    const bytes = Buffer.concat([...head, packet(10), packet(12)]);
    for (let at = 0; at < bytes.length; at += 7) recording.push(bytes.subarray(at, at + 7));
    expect(recording.rows.map(({ number, at, direction, text }) => [number, at, direction, text])).toEqual([
      [1, 0, 'out', expect.stringContaining('10.10.0.21')],
      [2, 2, 'out', expect.stringContaining('10.10.0.11')],
    ]);
    expect(Buffer.from(await recording.file().arrayBuffer())).toEqual(bytes);
  });

  it('keeps the latest rows, no more bytes than it may, and says what was lost and why it ended', () => {
    const recording = new Recording({ bytes: 10_000, rows: 3 });
    recording.push(Buffer.concat(head));
    for (let n = 0; n < 5; n++) recording.push(packet(n));
    expect(recording.rows.map(({ number }) => number)).toEqual([3, 4, 5]);
    recording.push(
      interfaceStatistics({
        interfaceId: 0,
        time: 0n,
        started: 0n,
        ended: 0n,
        accepted: 9,
        dropped: 3,
        droppedOnTheWay: 1,
        delivered: 5,
        comment: 'a1 was deleted',
      }),
    );
    expect(recording).toMatchObject({ dropped: 4, reason: 'a1 was deleted', isFull: false });
    while (!recording.isFull) recording.push(packet(9));
    const { packets } = recording;
    recording.push(packet(9));
    expect(recording.packets).toBe(packets);
  });
});

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestCluster } from '@v3vee/testkit';

const [A1, B1] = ['10.10.0.11', '10.10.0.21'];
const topology = `
hosts: { alpha: {}, beta: {} }
networks: { lan: { subnet: 10.10.0.0/24 } }
vms:
  a1: { host: alpha, memory: 64MiB, image: debian, nics: [{ network: lan, ip: ${A1}/24 }] }
  b1: { host: beta, memory: 64MiB, image: debian, nics: [{ network: lan, ip: ${B1}/24 }] }
`;

/** What happens to frames between two real guests on two hosts, as their user sees it and changes it. */
describe('the network of two guests', () => {
  let cluster: TestCluster;
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'v3-capture-'));
    const topologyFile = join(folder, 'cluster.yaml');
    writeFileSync(topologyFile, topology);
    cluster = await TestCluster.up({ topologyFile });
  });
  afterAll(async () => {
    await cluster?.down();
    rmSync(folder, { recursive: true, force: true });
  });

  const ping = (...options: string[]) =>
    cluster.v3(['vm', 'exec', 'a1', '--', 'ping', ...options, B1], { timeoutMs: 60_000 });
  const impair = (...options: string[]) => cluster.ok(['vnet', 'interface', 'set', 'a1/net0', ...options]);

  it('is captured at a NIC, whole and right, in a file that others read', async () => {
    const path = join(folder, 'a1.pcapng');
    let isEnded = false;
    const capturing = cluster
      .v3(['capture', 'a1/net0', '-w', path, '-f', 'icmp', '-c', '6'])
      .finally(() => (isEnded = true));
    // Whenever the capture begins: there will be packets.
    while (!isEnded) await ping('-c', '1');
    expect(await capturing).toMatchObject({
      code: 0,
      stdout: '',
      stderr: expect.stringMatching(/^6 packets captured, 0 dropped$/m),
    });

    const { packets, blocks } = readPcapng(readFileSync(path));
    expect(blocks).toEqual([0x0a0d0d0a, 1, 6, 6, 6, 6, 6, 6, 5]);
    const ends = packets.map(({ frame }) => [quad(frame, 26), quad(frame, 30)]);
    for (const [i, { frame, direction }] of packets.entries()) {
      expect(ends[i]).toEqual(direction === 2 ? [A1, B1] : [B1, A1]);
      expect([frame.length, frame[23]]).toEqual([98, 1]);
      expect([sum(frame.subarray(14, 34)), sum(frame.subarray(34))]).toEqual([0xffff, 0xffff]);
    }
    expect(new Set(packets.map(({ direction }) => direction))).toEqual(new Set([1, 2]));
    expect(packets.map(({ time }) => time)).toEqual(packets.map(({ time }) => time).sort());

    if (spawnSync('tshark', ['--version']).status !== 0) return;
    const fields = ['icmp.checksum.status', 'ip.checksum.status', '_ws.malformed'].flatMap(name => [
      '-e',
      name,
    ]);
    const options = ['-o', 'ip.check_checksum:TRUE', '-T', 'fields', ...fields];
    const { stdout } = spawnSync('tshark', ['-r', path, ...options], { encoding: 'utf8' });
    // 1: good.
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .map(line => line.trim()),
    ).toEqual(packets.map(() => '1\t1'));
  });

  it('is as slow and as lossy as it is told to be, and sound again afterwards', async () => {
    await impair('--delay', '50ms');
    const slow = await ping('-c', '3', '-i', '0.2');
    expect(slow.code).toBe(0);
    // Once out and once in.
    expect(Number(/min\/avg\/max = ([\d.]+)/.exec(slow.stdout)?.[1])).toBeGreaterThanOrEqual(100);
    await impair('--loss', '100%');
    expect(await ping('-c', '2', '-i', '0.2', '-W', '1')).toMatchObject({ code: 1 });
    await impair('--clear-impairment');
    expect(await ping('-c', '1', '-w', '20')).toMatchObject({ code: 0 });
  });
});

/** A reader of its own: it shares nothing with the writer. */
function readPcapng(file: Buffer) {
  const blocks: number[] = [];
  const packets: { time: bigint; direction: number; frame: Buffer }[] = [];
  for (let at = 0; at < file.length; at += file.readUInt32LE(at + 4)) {
    blocks.push(file.readUInt32LE(at));
    expect(file.readUInt32LE(at + file.readUInt32LE(at + 4) - 4)).toBe(file.readUInt32LE(at + 4));
    if (blocks.at(-1) !== 6) continue;
    const kept = file.readUInt32LE(at + 20);
    expect(file.readUInt32LE(at + 24)).toBe(kept);
    const options = at + 28 + kept + (-kept & 3);
    expect([file.readUInt16LE(options), file.readUInt16LE(options + 2)]).toEqual([2, 4]);
    packets.push({
      time: (BigInt(file.readUInt32LE(at + 12)) << 32n) | BigInt(file.readUInt32LE(at + 16)),
      direction: file.readUInt32LE(options + 4) & 3,
      frame: file.subarray(at + 28, at + 28 + kept),
    });
  }
  return { blocks, packets };
}

const quad = (frame: Buffer, at: number) => [...frame.subarray(at, at + 4)].join('.');

/** Ones' complement: 0xffff over what contains its own right checksum. */
function sum(octets: Buffer): number {
  let total = 0;
  for (let i = 0; i < octets.length; i += 2) total += octets.readUInt16BE(i);
  while (total > 0xffff) total = (total & 0xffff) + (total >> 16);
  return total;
}

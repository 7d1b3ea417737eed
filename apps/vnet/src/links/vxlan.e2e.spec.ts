import { connectLocal, type Client } from '@v3vee/client';
import type { LinkStatus } from '@v3vee/contracts';
import { TestCluster } from '@v3vee/testkit';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { KernelPeer, OUTER } from './testing/kernel-peer';

const TOPOLOGY = `
hosts: { alpha: }
networks: { lan: { subnet: 10.10.0.0/24 } }
vms:
  b1: { host: alpha, nics: [{ network: lan, ip: 10.10.0.21/24 }] }
`;
const GUEST = '10.10.0.21';
const KERNEL = '10.10.0.200';
const VNI = 4242;
/** What VXLAN leaves of the cable's 1500 bytes. */
const MTU = 1450;
const BULK = 500_000;

const problem = KernelPeer.problem();
const suite = problem ? describe.skip : describe;

suite(`a Linux kernel's VXLAN device${problem ? ` (skipped: ${problem})` : ''}`, () => {
  let folder: string;
  let cluster: TestCluster;
  let client: Client;
  let peer: KernelPeer | undefined;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'v3-e2e-'));
    const topologyFile = join(folder, 'cluster.yaml');
    writeFileSync(topologyFile, TOPOLOGY);
    cluster = await TestCluster.up({ topologyFile });
    client = await connectLocal(cluster.stateDir, {});
    peer = new KernelPeer({ vni: VNI, address: `${KERNEL}/24` });
    const link = { name: 'kernel', type: 'vxlan', vni: VNI, mtu: MTU } as const;
    const body = { ...link, remote: OUTER.theirs, local: OUTER.ours, network: 'lan' };
    await client.call('createLink', {}, { body });
    await until(async () => (await theLink()).state === 'UP');
  });
  afterAll(async () => {
    peer?.stop();
    await cluster?.down();
    rmSync(folder, { recursive: true, force: true });
  });

  const theLink = () => client.call('getLink', { link: 'kernel' });
  const counters = async () => (await theLink()).counters as LinkStatus['counters'];
  const inGuest = (...command: string[]) => cluster.ok(['vm', 'exec', 'b1', '--', ...command]);
  const until = async (condition: () => Promise<boolean>) => {
    while (!(await condition())) await delay(50); // Jest's time limit ends a wait in vain
  };

  it('pings a guest, and the guest pings it', async () => {
    expect(await peer!.ping(GUEST, '-c', '3', '-i', '0.2', '-w', '60')).toMatch(/[1-3] packets received/);
    expect(await inGuest('ping', '-c', '3', '-i', '0.2', '-w', '60', KERNEL)).toMatch(
      /[1-3] packets received/,
    );
    const { learned, state, reason } = await theLink();
    expect({ count: learned.length, state, reason }).toEqual({ count: 1, state: 'UP', reason: '' });
  });

  it('makes the guest learn the path MTU when a packet is too big for the link', async () => {
    // 1458 bytes with DF fit the guest's own MTU, but not the link.
    const before = (await counters()).dropped['too-big']!;
    await cluster.v3(['vm', 'exec', 'b1', '--', 'ping', '-c', '1', '-W', '1', '-s', '1430', KERNEL]);
    expect((await counters()).dropped['too-big']).toBeGreaterThan(before);
    expect(await inGuest('ip', 'route', 'get', KERNEL)).toContain(`mtu ${MTU}`);
    // From now on the guest fragments.
    expect(await inGuest('ping', '-c', '1', '-w', '60', '-s', '1430', KERNEL)).toContain(
      '1 packets received',
    );
  });

  it('takes bulk TCP from the guest, whose super-frames are segmented for it, and gives it back', async () => {
    await inGuest(
      'sh',
      '-c',
      `mkdir -p /tmp/www; head -c ${BULK} /dev/urandom > /tmp/www/blob; httpd -h /tmp/www`,
    );
    const expected = (await inGuest('sha256sum', '/tmp/www/blob')).slice(0, 64);
    const [wireBefore, nicBefore] = [await counters(), await sentByGuest()];
    expect(await peer!.digestOf(`http://${GUEST}/blob`)).toBe(expected);
    const [wire, nic] = [await counters(), await sentByGuest()];
    const frames = wire.transmitPackets - wireBefore.transmitPackets;
    expect(frames).toBeGreaterThanOrEqual(BULK / MTU);
    // A super-frame of the guest is several frames here.
    expect(nic - nicBefore).toBeLessThan(frames * 0.75);

    const blob = randomBytes(BULK);
    peer!.serve(blob);
    const digest = await inGuest('sh', '-c', `wget -q -O - http://${KERNEL}/blob | sha256sum`);
    expect(digest.slice(0, 64)).toBe(createHash('sha256').update(blob).digest('hex'));
    expect((await counters()).dropped).toMatchObject({ malformed: 0, garbage: 0, runt: 0, 'send-failed': 0 });
  });

  it('is the only one who gets in: frames from others are dropped and counted', async () => {
    expect((await counters()).dropped['unknown-peer']).toBe(0);
    peer!.sendAsStranger(4789);
    await until(async () => (await counters()).dropped['unknown-peer'] === 1);
  });

  const sentByGuest = async () => (await client.call('vmTelemetry', { vm: 'b1' })).nics[0]!.transmitPackets;
});

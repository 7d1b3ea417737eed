import { resolve } from 'node:path';
import { kittenCalls, yieldSettings } from '@v3vee/contracts';
import type { VmDefinition } from '@v3vee/store';
import { Rig } from './testing/rig.fixture';

const code = (expected: string) => expect.objectContaining({ code: expected });
const PORT = 0x300;
const MIB = 1 << 20;

describe('a guest with devices of its own', () => {
  let rig: Rig;
  let a1: VmDefinition;
  beforeAll(async () => {
    process.env.V3_DEVICE_MODULES = resolve(__dirname, '../../../docs/examples/devices/mailbox.mjs');
    rig = await Rig.start();
    await rig.addHost('alpha', 128, 2);
    await rig.addHost('beta', 256, 2);
    a1 = await rig.define('a1', {
      nics: [{ network: 'lan', ip: '10.10.0.11/24' }],
      yield: yieldSettings.parse({ strategy: 'adaptive' }),
      devices: [
        { class: 'virtio-balloon', id: 'balloon', options: {} },
        { class: 'mailbox', id: 'box', options: { port: PORT } },
        { class: 'upcase', id: 'echo', options: { of: 'box' } },
      ],
    });
    await rig.call('start', { vmId: a1.id });
  });
  afterAll(async () => {
    delete process.env.V3_DEVICE_MODULES;
    await rig?.stop();
  });

  const send = (letter: string) =>
    rig.sh(a1, `printf ${letter} | dd of=/dev/port bs=1 count=1 seek=${PORT} conv=notrunc 2>/dev/null`);
  const receive = () => rig.sh(a1, `dd if=/dev/port bs=1 count=1 skip=${PORT} 2>/dev/null`);
  const held = async () => {
    const { allocations } = await rig.bus.call(kittenCalls.inventory, 'alpha', {});
    return allocations.map(({ length }) => length / MIB).sort();
  };

  it('uses them, and is seen from outside', async () => {
    await send('v');
    expect(await receive()).toBe('V');
    const { exits, ports, yields } = await rig.call('telemetry', { vmId: a1.id });
    expect(exits['io-in']?.cost?.sampled).toBeGreaterThan(64);
    expect(ports).toContainEqual(expect.objectContaining({ port: 0x3f8, owner: 'serial' }));
    expect(yields.polls).toBeGreaterThan(0);
    expect(yields.longestSleepMs).toBeLessThanOrEqual(10);
    const metrics = await rig.metrics('palacios-alpha');
    expect(metrics).toMatch(/^v3_vm_exit_cost_seconds_bucket\{.*kind="io-in",le="\+Inf".*\} [1-9]/m);
    expect(metrics).toMatch(/^v3_vm_yields_total\{.*kind="sleeps".*\} [1-9]/m);
    const { regions } = await rig.call('memoryMap', { vmId: a1.id });
    expect(regions[0]).toEqual({ start: 0, end: 0xa0000, flags: 'rwx', kind: 'ram', name: 'RAM' });
    await rig.sh(a1, "echo 'a text to be found 9182' > /tmp/text");
    const pattern = Buffer.from('to be found 9182').toString('hex');
    const { addresses } = await rig.call('memorySearch', { vmId: a1.id, pattern });
    for (const address of addresses)
      await rig.call('memoryWrite', { vmId: a1.id, address, data: Buffer.from('TO BE').toString('base64') });
    expect(await rig.sh(a1, 'cat /tmp/text')).toBe('a text TO BE found 9182');
  });

  it('gives memory to its host, which another guest may get, and gets it back when it is free', async () => {
    expect(await rig.call('balloon', { vmId: a1.id, memoryMiB: 52 })).toEqual({
      ...{ vm: 'a1', memoryMiB: 64, targetMiB: 52, hostMiB: 52, balloonBytes: 12 * MIB },
    });
    expect(await held()).toEqual([52]);
    // 16 MiB are Kitten's: two of 64 MiB would not fit into 128.
    const big = await rig.define('big', { memoryMiB: 60, boot: 'cold' });
    await rig.bus.call(kittenCalls.allocate, 'alpha', { task: `vm/${big.id}`, memoryMiB: 60 });
    await expect(rig.call('balloon', { vmId: a1.id, memoryMiB: 64 })).rejects.toEqual(
      code('HOST_MEMORY_EXHAUSTED'),
    );
    expect((await rig.call('memoryMap', { vmId: a1.id })).balloonBytes).toBe(12 * MIB);
    await rig.bus.call(kittenCalls.free, 'alpha', { task: `vm/${big.id}` });
    expect(await rig.call('balloon', { vmId: a1.id, memoryMiB: 64 })).toMatchObject({
      hostMiB: 64,
      balloonBytes: 0,
    });
    expect(await held()).toEqual([64]);
  });

  it('moves to another host with them', async () => {
    await rig.call('balloon', { vmId: a1.id, memoryMiB: 56 });
    await send('m');
    ({ vm: a1 } = await rig.moved(a1, 'beta'));
    expect(await receive()).toBe('M');
    // It is whole there.
    const deflated = async () => (await rig.call('memoryMap', { vmId: a1.id }, 'beta')).balloonBytes === 0;
    while (!(await deflated()));
    expect(await held()).toEqual([]);
  });
});

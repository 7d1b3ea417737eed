import type { INestApplication } from '@nestjs/common';
import { Bus } from '@v3vee/bus';
import { kittenCalls, kittenHeartbeat, type Inventory } from '@v3vee/contracts';
import { createService, readConfig } from '@v3vee/service';
import { testNats } from '@v3vee/testkit';
import { kittenConfig } from './config';
import { KittenModule } from './kitten.module';

jest.setTimeout(30_000);

const MIB = 1024 * 1024;

/** Waits for a condition, and fails with it when it does not come true on the slowest machine either. */
async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`never came true: ${condition.toString()}`);
    await new Promise(resolve => setTimeout(resolve, 5));
  }
}

describe('the kitten service on a real NATS server', () => {
  let nats: Awaited<ReturnType<typeof testNats>>;
  let palacios: Bus;
  let kitten: INestApplication | undefined;
  let heard: Inventory[];

  const startKitten = async (memoryMiB = '256') => {
    const config = readConfig(kittenConfig, {
      V3_NATS_URL: nats.url,
      V3_LOG_LEVEL: 'silent',
      V3_HOST: 'alpha',
      V3_HOST_MEMORY_MIB: memoryMiB,
      V3_HOST_CORES: '2',
      V3_HOST_NICS: '[{"name":"nic0","model":"rtl8139"}]',
    });
    kitten = await createService({ name: 'kitten', module: KittenModule, config: kittenConfig }, config);
  };
  const ask = (task: string, memoryMiB: number) =>
    palacios.call(kittenCalls.allocate, 'alpha', { task, memoryMiB });
  const metrics = async () => (await fetch(`${await kitten!.getUrl()}/metrics`)).text();

  beforeEach(async () => {
    nats = await testNats();
    palacios = await Bus.connect({ url: nats.url, name: 'palacios' });
    heard = [];
    palacios.listen(kittenHeartbeat, '*', inventory => heard.push(inventory));
    await palacios.flush();
    await startKitten();
  });

  afterEach(async () => {
    await kitten?.close();
    await palacios.close();
    await nats.stop();
  });

  it('gives, refuses and takes back memory and cores, and tells of each change', async () => {
    await palacios.call(kittenCalls.claim, 'alpha', { allocations: [] });
    expect(await ask('vm/a', 64)).toEqual({ task: 'vm/a', base: 16 * MIB, length: 64 * MIB, core: 0 });
    await expect(ask('vm/b', 512)).rejects.toMatchObject({
      code: 'HOST_MEMORY_EXHAUSTED',
      message: expect.stringContaining(
        'asks for 512 MiB in one piece on alpha; of its 256 MiB 176 MiB are free',
      ),
    });
    await ask('vm/b', 64);
    await expect(ask('vm/c', 64)).rejects.toMatchObject({ code: 'HOST_CORES_EXHAUSTED' });
    await until(() => heard.some(inventory => inventory.allocations.length === 2));
    expect(await palacios.call(kittenCalls.free, 'alpha', { task: 'vm/a' })).toEqual({ freed: true });
    const inventory = await palacios.call(kittenCalls.inventory, 'alpha', {});
    expect(inventory).toMatchObject({
      host: 'alpha',
      memoryMiB: 256,
      memoryFreeMiB: 176,
      memoryLargestHoleMiB: 112,
      cores: 2,
      coresFree: 1,
      nics: [{ name: 'nic0', model: 'rtl8139' }],
      allocations: [{ task: 'vm/b' }],
    });
    const text = await metrics();
    expect(text).toContain(
      `v3_kitten_memory_bytes{type="umem",state="free",service="kitten",host="alpha"} ${176 * MIB}\n`,
    );
    expect(text).toContain('v3_kitten_cores{state="free",service="kitten",host="alpha"} 1\n');
    expect(text).toContain(
      'v3_kitten_refusals_total{code="HOST_CORES_EXHAUSTED",service="kitten",host="alpha"} 1\n',
    );
    expect(text).toContain(
      `v3_kitten_owned_bytes{type="umem",owner="guest",service="kitten",host="alpha"} ${64 * MIB}\n`,
    );
    expect(text).toMatch(/^v3_kitten_core_seconds_total{kind="guest",service="kitten",host="alpha"} \d/m);
    expect(text).toMatch(/^v3_kitten_context_switches_total{service="kitten",host="alpha"} [1-9]/m);
    expect(text).toContain('v3_kitten_run_queue_length{core="1",service="kitten",host="alpha"} 0\n');
    const sizes = [...text.matchAll(/^v3_kitten_memory_bytes{.*} (\d+)$/gm)].map(match => Number(match[1]));
    expect(sizes.reduce((sum, size) => sum + size)).toBe(256 * MIB);
  });

  it('shows its memory and its tasks', async () => {
    await palacios.call(kittenCalls.claim, 'alpha', { allocations: [] });
    await ask('vm/a', 64);
    const { bytes, regions, aspaces } = await palacios.call(kittenCalls.memory, 'alpha', {});
    expect(bytes).toBe(256 * MIB);
    expect(regions.reduce((sum, { length }) => sum + length, 0)).toBe(bytes);
    expect(aspaces.at(-1)).toMatchObject({ id: 3, name: 'vm/a', regions: [{ length: 64 * MIB }] });
    const { schedHz, tasks } = await palacios.call(kittenCalls.tasks, 'alpha', {});
    expect(schedHz).toBe(1);
    expect(tasks.map(({ name, core, state }) => `${name} ${core} ${state}`)).toEqual([
      'vm/a 0 STOPPED',
      'idle/0 0 RUNNING',
      'idle/1 1 RUNNING',
    ]);
    const policy = { kind: 'edf', sliceMs: 50, periodMs: 100 } as const;
    expect(await palacios.call(kittenCalls.schedule, 'alpha', { task: 'vm/a', policy })).toMatchObject({
      policy,
    });
    await expect(
      palacios.call(kittenCalls.schedule, 'alpha', { task: 'vm/b', policy }),
    ).rejects.toMatchObject({ code: 'TASK_NOT_FOUND' });
  });

  it('beats while nothing happens', async () => {
    await until(() => heard.length >= 3);
    expect(new Set(heard.map(({ incarnation }) => incarnation)).size).toBe(1);
    expect(heard.at(-1)).toMatchObject({ host: 'alpha', coresFree: 2, allocations: [] });
  });

  it('after a restart shows another incarnation and waits for the claim of what the guests hold', async () => {
    await palacios.call(kittenCalls.claim, 'alpha', { allocations: [] });
    const held = await ask('vm/a', 64);
    await until(() => heard.length > 0);
    const first = heard[0]!.incarnation;
    await kitten!.close();
    await startKitten();
    await until(() => heard.at(-1)!.incarnation !== first);
    await expect(ask('vm/b', 64)).rejects.toMatchObject({ code: 'HOST_NOT_CLAIMED' });
    await palacios.call(kittenCalls.claim, 'alpha', { allocations: [held] });
    expect(await ask('vm/b', 64)).toMatchObject({ base: 80 * MIB, core: 1 });
    expect(await ask('vm/a', 64)).toEqual(held);
  });

  it('refuses a claim that no longer fits, and requests that are none', async () => {
    await palacios.call(kittenCalls.claim, 'alpha', { allocations: [] });
    const held = await ask('vm/a', 200);
    await kitten!.close();
    await startKitten('128');
    await expect(palacios.call(kittenCalls.claim, 'alpha', { allocations: [held] })).rejects.toMatchObject({
      code: 'HOST_CLAIM_CONFLICT',
      message: expect.stringContaining('vm/a'),
    });
    await palacios.call(kittenCalls.claim, 'alpha', { allocations: [] });
    await expect(ask('vm/b', -1)).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
      fields: [{ path: 'memoryMiB' }],
    });
    await expect(
      palacios.call(kittenCalls.claim, 'alpha', { allocations: [{ ...held, length: 0 }] }),
    ).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
    expect(await ask('vm/b', 64)).toMatchObject({ base: 16 * MIB });
  });
});

import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { fromSparse } from './engine/sparse';
import type { EngineState } from './engine/state';
import { readStateFile, writeStateFile } from './state/state-file';
import { ensureTemplate, hasTemplate, unloadTemplates } from './template/template';
import { templateKey } from './template/template-key';
import { connect, Guests, sh, uptime } from './testing/guests.fixture';

let guests: Guests;
let folder: string;
beforeAll(async () => {
  guests = await Guests.prepare();
  folder = await mkdtemp(join(tmpdir(), 'v3-e2e-'));
});
afterEach(() => guests.stop());
afterAll(() => rm(folder, { recursive: true }));

const clockError = async (guest: Parameters<typeof sh>[0]) => {
  const before = Date.now() / 1000;
  const date = Number(await sh(guest, 'date +%s'));
  return date < before - 1 ? before - date : Math.max(0, date - Date.now() / 1000);
};

describe('a snapshot', () => {
  it('taken in the middle of work goes on in another machine, through a file', async () => {
    const guest = await guests.start();
    await sh(
      guest,
      '(i=0; while :; do i=$((i+1)); echo $i > /tmp/count; usleep 20000; done) >/dev/null 2>&1 &',
    );
    await sh(guest, 'until [ "$(cat /tmp/count)" -gt 20 ]; do usleep 10000; done; echo kept > /tmp/file');
    const count = Number(await sh(guest, 'cat /tmp/count'));
    const up = await uptime(guest);
    await guest.pause();
    const path = join(folder, 'vm.v3s');
    await writeStateFile(path, await guest.save());
    await guest.terminate();

    const resumed = await guests.resume(await readStateFile(path));
    await resumed.config.setClock();
    expect(await sh(resumed, 'cat /tmp/file; hostname')).toBe('kept\nvm0');
    expect(Number(await sh(resumed, 'cat /tmp/count'))).toBeGreaterThanOrEqual(count);
    const after = await uptime(resumed);
    expect(after).toBeGreaterThanOrEqual(up);
    expect(after).toBeLessThan(up + 60);
    expect(await clockError(resumed)).toBeLessThan(3);
    await sh(resumed, `until [ "$(cat /tmp/count)" -gt ${count + 20} ]; do usleep 10000; done`);
  });

  it('leaves its machine as it was', async () => {
    const guest = await guests.start();
    await guest.pause();
    const [first, second] = [await guest.save(), await guest.save()];
    expect(Buffer.from(first.memory.buffer).equals(Buffer.from(second.memory.buffer))).toBe(true);
    await guest.run();
    expect(await sh(guest, 'sleep 1; echo awake')).toBe('awake');
  });

  it('can be restored again and again into one machine, and sleeps still end', async () => {
    const guest = await guests.start();
    await sh(guest, 'echo before > /tmp/mark');
    await guest.pause();
    const state = await guest.save();
    for (let round = 0; round < 2; round++) {
      await guest.load(state);
      await guest.run();
      expect(await sh(guest, 'cat /tmp/mark; echo after > /tmp/mark')).toBe('before');
      const before = await uptime(guest);
      await sh(guest, 'sleep 1', 30_000);
      expect((await uptime(guest)) - before).toBeGreaterThan(0.9);
      await guest.pause();
    }
  });

  it('becomes another machine when it is cloned', async () => {
    const original = await guests.start(0);
    await original.pause();
    const state = await original.save();
    await original.run();
    const clone = await guests.resume(state, 5);
    const mac = '02:00:00:00:01:15';
    await clone.config.configure({ hostname: 'clone', nics: [{ mac, cidr: '10.0.0.6/24', mtu: 1500 }] });
    connect(original, clone);
    expect(await sh(clone, 'hostname; cat /sys/class/net/eth0/address')).toBe(`clone\n${mac}`);
    expect(await sh(original, 'ping -c 3 -i 0.2 10.0.0.6')).toContain('3 packets received');
    const random = await Promise.all(
      [original, clone].map(guest => sh(guest, 'cat /proc/sys/kernel/random/uuid')),
    );
    expect(random[0]).not.toBe(random[1]);
  });
});

describe('a state that does not fit', () => {
  it.each([
    ['another memory size', { memoryMiB: 128 }, 'STATE_INCOMPATIBLE', '64 MiB of memory, this one has 128'],
    ['another number of cards', { nics: [] }, 'STATE_INCOMPATIBLE', '1 NICs, this one has 0'],
  ])('because of %s is refused', async (_, change, code, message) => {
    const state = await ensureTemplate(guests.template);
    const guest = await guests.create(0, change);
    await expect(guest.load(state)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    });
  });

  it.each([
    ['another engine', { engineVersion: 'v86 0.1' }, 'STATE_INCOMPATIBLE'],
    ['another format', { format: 99 }, 'STATE_INCOMPATIBLE'],
    ['devices that are garbage', { devices: Uint8Array.of(1, 2, 3) }, 'STATE_CORRUPT'],
  ])('because of %s is refused, and the right one still loads', async (_, change, code) => {
    const state = await ensureTemplate(guests.template);
    const guest = await guests.create();
    await expect(guest.load({ ...state, ...change })).rejects.toMatchObject({ code });
    await guest.load(state);
    await guest.run();
    await guest.agent.ping(30_000);
  });
});

describe('templates', () => {
  it('are found by the next process, and booted once when there is none that is whole', async () => {
    let boots = 0;
    const options = { ...guests.template, dir: join(folder, 'templates'), onBoot: () => boots++ };
    const path = (dir: string) => join(dir, templateKey(options), 'state.v3s');
    expect(await hasTemplate(options)).toBe(false);
    await ensureTemplate(guests.template);
    await mkdir(dirname(path(options.dir)), { recursive: true });
    const bytes = await readFile(path(guests.template.dir));
    await writeFile(path(options.dir), bytes);
    expect(await hasTemplate(options)).toBe(true);
    await ensureTemplate(options);
    expect(boots).toBe(0);

    bytes[bytes.length >> 1]! ^= 0xff;
    await writeFile(path(options.dir), bytes);
    unloadTemplates(); // as in another process
    const [first, same] = await Promise.all([ensureTemplate(options), ensureTemplate(options)]);
    expect(same).toBe(first);
    expect(boots).toBe(1);
    expect((await readStateFile(path(options.dir))).memoryMiB).toBe(options.memoryMiB);
    unloadTemplates();
    await ensureTemplate(options);
    expect(boots).toBe(1);
  });
});

it('a machine in which a kernel was put loads a state as if it were new', async () => {
  const state = await ensureTemplate(guests.template);
  const guest = await guests.create();
  await guest.boot();
  await guest.load(state);
  const [loaded, saved] = [Buffer.from((await guest.save()).memory.buffer), Buffer.from(state.memory.buffer)];
  // Above the first MiB, where the BIOS is, only the stack may differ: an interrupt may come as soon as it is loaded.
  const different: number[] = [];
  for (let at = 1 << 20; at < saved.length; at += 4096) {
    if (loaded.compare(saved, at, at + 4096, at, at + 4096) !== 0) different.push(at);
  }
  expect(different.length).toBeLessThan(2);
  await guest.run();
  await guest.agent.ping(30_000);
});

it('a machine that holds half a state does not run until it gets a whole one', async () => {
  const state = await ensureTemplate(guests.template);
  const guest = await guests.create();
  const { engine, devices } = deserialize(state.devices) as { engine: EngineState; devices: object };
  const body = 'runs' in engine.body ? fromSparse(engine.body) : engine.body;
  const torn = { engine: { ...engine, body: body.subarray(0, 20_000) }, devices };
  await expect(guest.load({ ...state, devices: serialize(torn) })).rejects.toMatchObject({
    code: 'STATE_CORRUPT',
  });
  await expect(guest.run()).rejects.toMatchObject({ code: 'VM_WRONG_STATE' });
  await guest.load(state);
  await guest.run();
  await guest.agent.ping(30_000);
});

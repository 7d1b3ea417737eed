import type { INestApplication } from '@nestjs/common';
import { Bus } from '@v3vee/bus';
import { dmmCalls, V3Error, type IoAccess } from '@v3vee/contracts';
import { modelOf } from '@v3vee/device-models';
import { createService } from '@v3vee/service';
import type { Daemon, NatsServer } from '@v3vee/setup';
import {
  createDataSource,
  DmmContextRepository,
  DmmPolicyRepository,
  DmmViolationRepository,
  HostRepository,
  migrate,
  VmRepository,
} from '@v3vee/store';
import { testNats, testPostgres } from '@v3vee/testkit';
import { randomUUID } from 'node:crypto';
import type { DataSource } from 'typeorm';
import { dmmConfig } from './config';
import { DmmModule } from './dmm.module';
import { ScriptedHost, type ScriptedGuest } from './testing/scripted-host.fixture';

/** Waits for a condition, and fails with it when it does not come true on the slowest machine either. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`never came true: ${condition.toString()}`);
    await new Promise(resolve => setTimeout(resolve, 2));
  }
}

const MEMORY = 64 << 20;
const SLICE_MS = 20;
const write = (offset: number, size: IoAccess['size'], value: number): IoAccess => ({
  ...{ direction: 'write', offset, size, value, page: 0 },
});
/** NE2000: PSTART, which the model wants to know. */
const ringAt = (page: number) => write(0x01, 1, page);

describe('the dmm service, with hosts on a real NATS server', () => {
  let nats: NatsServer;
  let postgres: Daemon & { url: string };
  let source: DataSource;
  let bus: Bus;
  let dmm: INestApplication;
  let host: ScriptedHost;
  let hosts: ScriptedHost[];
  /** Each test has a host of its own: what one leaves does not disturb the next. */
  let name: string;
  let tests = 0;

  const startDmm = async () => {
    const config = dmmConfig.parse({
      ...{ V3_NATS_URL: nats.url, V3_DATABASE_URL: postgres.url, V3_LOG_LEVEL: 'silent' },
    });
    dmm = await createService({ name: 'dmm', module: DmmModule, config: dmmConfig }, config);
    await until(async () => (await get('/health/ready')).includes('"ready":true'));
  };
  const get = async (path: string) => (await fetch(`${await dmm.getUrl()}${path}`)).text();
  const metric = async (line: string) => {
    const found = (await get('/metrics')).split('\n').find(each => each.startsWith(`${line} `));
    return Number(found?.slice(line.length));
  };
  const startHost = (
    ...more: ConstructorParameters<typeof ScriptedHost> extends [unknown, unknown, ...infer R] ? R : never
  ) => {
    const started = new ScriptedHost(bus, name, ...more);
    hosts.push(started);
    return started;
  };
  const setPolicy = async (patch: Parameters<DmmPolicyRepository['save']>[1]) => {
    await new DmmPolicyRepository(source).save(`${name}/eth0`, patch);
    await bus.call(dmmCalls.reload, undefined, {});
  };
  const exit = (guest: ScriptedGuest, sequence: number, access: IoAccess, more: object = {}) =>
    bus.call(dmmCalls.exit, undefined, {
      ...{ ...host.sharer(guest), sequence, access, mode: guest.access, model: host.model },
      ...{ state: guest.state, memorySize: guest.memorySize, ...more },
    });
  const turnsOf = (guest: ScriptedGuest) => host.turns.filter(turn => turn === guest.vmId).length;
  const has = (guest: ScriptedGuest) => until(() => host.holder === guest);
  /** A VM that the database knows. */
  const addVm = async (more: Partial<ScriptedGuest> = {}) => {
    const vmName = `vm-${randomUUID()}`;
    const { id } = await new VmRepository(source).create({
      ...{ name: vmName, host: name, memoryMiB: 64, image: 'debian', autostart: false, boot: 'template' },
      ...{ managed: false, nics: [] },
    });
    return { ...host.add({ vmId: id, ...more }), vmName };
  };

  beforeAll(async () => {
    [nats, postgres] = await Promise.all([testNats(), testPostgres()]);
    source = createDataSource(postgres.url);
    await migrate(source);
    bus = await Bus.connect({ url: nats.url, name: 'test' });
  });
  afterAll(async () => {
    await bus?.close();
    await source?.destroy();
    await Promise.all([nats?.stop(), postgres?.stop()]);
  });
  beforeEach(async () => {
    hosts = [];
    name = `host-${++tests}`;
    const record = { name, memoryMiB: 1024, cores: 4, nics: [], radios: [] };
    await new HostRepository(source).save(record);
  });
  afterEach(async () => {
    for (const each of hosts) each.stop();
    await dmm?.close();
  });

  describe('sharing', () => {
    it('gives a card that nobody has at once, with the hooks of the guest that gets it', async () => {
      host = startHost('rtl8139');
      await startDmm();
      const guest = host.add();
      await host.want(guest);
      await has(guest);
      const model = modelOf('rtl8139');
      expect(host.switches[0]!.request).toEqual({
        ...{ nic: 'eth0', to: { vmId: guest.vmId, epoch: 1 }, reusableMs: 250 },
        hooks: model.hooks(model.initialState()),
        windows: model.windows(model.initialState(), { memorySize: MEMORY }),
      });
      const { hooks } = await bus.call(dmmCalls.hooks, undefined, { host: name, nic: 'eth0' });
      expect(hooks).toEqual(model.hooks(model.initialState()));
      const nobody = await bus.call(dmmCalls.hooks, undefined, { host: name, nic: 'eth9' });
      expect(nobody.hooks).toEqual([]);
    });

    it('lets two greedy guests have turns of a slice each, and keeps what they leave', async () => {
      host = startHost();
      await startDmm();
      const [a, b] = [await addVm(), await addVm()].map(({ vmId }) => host.guests.get(vmId)!);
      for (const guest of [a!, b!]) guest.greedy = true;
      await Promise.all([host.want(a!), host.want(b!)]);
      await until(() => host.switches.length >= 12);
      for (const [n, { from, asked }] of host.switches.entries()) {
        if (n === 0) continue;
        const before = host.switches[n - 1]!;
        expect(from).toBe(before.to);
        // The slice begins at the DMM, after the host made the switch.
        expect(asked - before.made).toBeGreaterThanOrEqual(SLICE_MS);
      }
      expect(Math.abs(turnsOf(a!) - turnsOf(b!))).toBeLessThanOrEqual(1);
      const contexts = new DmmContextRepository(source);
      const rows = () => contexts.list({ limit: 10, device: `${name}/eth0` });
      await until(async () => (await rows()).length === 2);
      expect(await rows()).toMatchObject([a, b].map(() => ({ epoch: 1, forced: false, state: { tbcr: 0 } })));
      const { count, sum } = {
        count: await metric(`v3_dmm_switch_seconds_count{service="dmm",device="${name}/eth0"}`),
        sum: await metric(`v3_dmm_switch_seconds_sum{service="dmm",device="${name}/eth0"}`),
      };
      expect(count).toBeGreaterThanOrEqual(12);
      expect(sum).toBeGreaterThan(0);
    });

    it('switches for a frame, or not, as the policy says', async () => {
      host = startHost();
      await startDmm();
      const [a, b] = [host.add(), host.add()];
      await host.want(a);
      await has(a);
      await host.want(b, 'frame');
      await has(b);
      await setPolicy({ onFrame: false });
      await host.want(a, 'frame');
      await until(async () => (await metric(`v3_dmm_waiting{service="dmm",device="${name}/eth0"}`)) === 1);
      // Were there a switch, it would come before this answer.
      await bus.call(dmmCalls.hooks, undefined, { host: name, nic: 'eth0' });
      expect(host.holder).toBe(b);
      await host.leave(b);
      await has(a);
    });

    it('follows the slice of a policy as soon as it is in force', async () => {
      host = startHost();
      await startDmm();
      await setPolicy({ sliceMs: 10_000 });
      const [a, b] = [host.add(), host.add()];
      await host.want(a);
      await has(a);
      await host.want(b);
      expect(host.holder).toBe(a);
      await setPolicy({ sliceMs: 1 });
      await has(b);
    });

    it('lets a guest whose machine is gone wait no more, and drops one of which it did not hear', async () => {
      host = startHost();
      await startDmm();
      const [a, b, c, d] = [host.add(), host.add(), host.add(), host.add()];
      for (const guest of [a, b, c, d]) await host.want(guest);
      await has(a);
      host.guests.delete(b.vmId);
      await host.leave(c);
      await has(d);
      expect(host.turns).toEqual([a.vmId, d.vmId]);
      expect(await metric(`v3_dmm_waiting{service="dmm",device="${name}/eth0"}`)).toBe(0);
    });

    it('loses no wish when switches fail, and does not try all the time', async () => {
      host = startHost();
      await startDmm();
      const guest = host.add();
      let tries = 0;
      host.obstacle = () => {
        if (++tries < 4) throw new V3Error('DEVICE_NOT_REUSABLE', 'not now');
      };
      const begin = performance.now();
      await host.want(guest);
      await has(guest);
      expect(tries).toBe(4);
      expect(performance.now() - begin).toBeGreaterThanOrEqual(100 + 200 + 400);
      expect(await metric(`v3_dmm_switches_failed_total{service="dmm",device="${name}/eth0"}`)).toBe(3);
    });

    it('lets the wish of a new machine count that came before the release of the old one', async () => {
      host = startHost();
      await startDmm();
      const [a, b] = [host.add({ greedy: true }), host.add()];
      await host.want(a);
      await has(a);
      await host.want(b);
      await bus.call(dmmCalls.release, undefined, host.sharer(b));
      await has(b);
    });
  });

  describe('exits', () => {
    const holding = async (more: Partial<ScriptedGuest> = {}) => {
      await startDmm();
      const guest = await addVm(more);
      await host.want(host.guests.get(guest.vmId)!);
      await until(() => host.holder?.vmId === guest.vmId);
      return guest;
    };

    it('are answered with what changed, and once each', async () => {
      host = startHost();
      const guest = await holding();
      const first = await exit(guest, 1, ringAt(0x4c));
      expect(first).toMatchObject({ verdict: 'proceed', reason: '', state: { pstart: 0x4c }, windows: [] });
      expect(first.hooks).toEqual(modelOf('ne2000').hooks(first.state));
      expect(await exit(guest, 1, ringAt(0x4c))).toEqual(first);
      const known = { state: first.state };
      expect(await exit(guest, 7, ringAt(0x4c), known)).toEqual({ verdict: 'proceed', reason: '' });
      await expect(exit(guest, 6, ringAt(0x4c), known)).rejects.toMatchObject({
        code: 'INVALID_REQUEST',
        message: `exit 6 of this guest at ${name}/eth0 came after exit 7, which was answered`,
      });
      const exits = `v3_dmm_exits_total{service="dmm",device="${name}/eth0",verdict="proceed"}`;
      expect(await metric(exits)).toBe(2);
      expect(await metric(`v3_dmm_stale_exits_total{service="dmm",device="${name}/eth0"}`)).toBe(1);
      // A state that is not the one we told is answered with all that follows from it.
      expect(await exit(guest, 8, ringAt(0x4c), { state: { ...known.state, tbcr: 9 } })).toMatchObject({
        state: { pstart: 0x4c, tbcr: 9 },
      });
    });

    it('of a guest that was started anew count from 1 again', async () => {
      host = startHost();
      const guest = await holding();
      await exit(guest, 50, ringAt(0x4c));
      await host.acquire(host.guests.get(guest.vmId)!);
      expect(await exit(guest, 1, ringAt(0x4d))).toMatchObject({ state: { pstart: 0x4d } });
    });

    it('of an emulated card are all accesses, before and after', async () => {
      host = startHost();
      const guest = await holding({ access: 'emulated' });
      const all = ['read', 'write'].map(direction => ({ direction, offset: 0, length: 32, class: 'exit' }));
      expect(host.switches[0]!.request.hooks).toMatchObject(all);
      expect((await exit(guest, 1, ringAt(0x4c))).hooks).toMatchObject(all);
      expect((await bus.call(dmmCalls.hooks, undefined, { host: name, nic: 'eth0' })).hooks).toMatchObject(
        all,
      );
    });

    it('that lead beyond the guest’s memory are denied and written down; the VM stops if it shall', async () => {
      host = startHost('rtl8139');
      const guest = await holding();
      // CR: transmitter on; TSAD0: just below the end of memory; TSD0: 1000 bytes from there.
      const on = await exit(guest, 1, write(0x37, 1, 0x04));
      const { state } = await exit(guest, 2, write(0x20, 4, MEMORY - 100), { state: on.state });
      const denied = await exit(guest, 3, write(0x10, 4, 1_000), { state });
      const reason =
        `${guest.vmName} had ${name}/eth0 read 1000 bytes of memory at 0x3ffff9c (register TSAD0), ` +
        'which are not its own';
      expect(denied).toEqual({ verdict: 'deny', reason });
      await setPolicy({ onViolation: 'stop' });
      expect(await exit(guest, 4, write(0x10, 4, 1_000), { state })).toEqual({ verdict: 'stop', reason });
      expect(await exit(guest, 4, write(0x10, 4, 1_000), { state })).toEqual({ verdict: 'stop', reason });
      const found = { register: 'RDSAR', direction: 'write', address: 2 ** 40, length: 64 } as const;
      expect(
        await bus.call(dmmCalls.violation, undefined, { ...host.sharer(guest), denied: found }),
      ).toMatchObject({
        verdict: 'stop',
        reason: expect.stringContaining('at 0x10000000000 (register RDSAR)'),
      });
      const violations = new DmmViolationRepository(source);
      const rows = () => violations.list({ limit: 10, device: `${name}/eth0` });
      await until(async () => (await rows()).length >= 3);
      const [vm, vmId] = [guest.vmName, guest.vmId];
      const sent = { register: 'TSAD0', direction: 'read', address: MEMORY - 100, length: 1_000, vm, vmId };
      expect((await rows()).sort((x, y) => x.at.getTime() - y.at.getTime())).toMatchObject([
        { ...sent, action: 'deny' },
        { ...sent, action: 'stop' },
        { ...found, action: 'stop' },
      ]);
      for (const [verdict, count] of [
        ['deny', 1],
        ['stop', 2],
      ]) {
        const line = `v3_dmm_violations_total{service="dmm",device="${name}/eth0",verdict="${verdict}"}`;
        expect(await metric(line)).toBe(count);
      }
    });

    it('that make no sense are refused, and harm nobody', async () => {
      host = startHost();
      const guest = await holding();
      const refusals: [string, Promise<unknown>][] = [
        ['INVALID_REQUEST', exit(guest, 1, ringAt(1), { state: { pstart: 'x' } })],
        ['INVALID_REQUEST', exit(guest, 1, ringAt(1), { state: [] })],
        ['INVALID_REQUEST', exit(guest, 1, write(0x1f, 2, 0))],
        ['INVALID_REQUEST', exit(guest, 1, write(0x01, 1, 0x1ff))],
        ['INVALID_REQUEST', exit(guest, 1, { ...ringAt(1), offset: 256 })],
        ['INVALID_REQUEST', exit(guest, 0, ringAt(1))],
        ['INVALID_REQUEST', exit(guest, 1, ringAt(1), { mode: 'passthrough' })],
        ['INVALID_REQUEST', exit(guest, 1, ringAt(1), { memorySize: -1 })],
        ['DEVICE_MISMATCH', exit(guest, 1, ringAt(1), { model: 'rtl8139' })],
        ['INVALID_REQUEST', exit(guest, 1, ringAt(1), { host: '../..' })],
      ];
      for (const [code, refusal] of refusals) await expect(refusal).rejects.toMatchObject({ code });
      const state = JSON.parse(`{"__proto__": {"pstart": 1}, "constructor": 1}`) as Record<string, unknown>;
      await expect(exit(guest, 1, ringAt(1), { state })).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
      for (const junk of ['', '{', '[]', 'null', '"x"', '{"host":{}}', '\0', '9'.repeat(10_000)]) {
        for (const { subject } of Object.values(dmmCalls)) {
          bus.publishRaw(subject, new TextEncoder().encode(junk));
        }
      }
      expect(await exit(guest, 1, ringAt(0x4c))).toMatchObject({
        verdict: 'proceed',
        state: { pstart: 0x4c },
      });
    });
  });

  describe('epochs that are over', () => {
    it('have no wish, no exit and no card any more', async () => {
      host = startHost();
      await startDmm();
      const old = host.add();
      await host.want(old);
      await has(old);
      const other = host.add();
      name = `${name}-new`;
      const target = startHost();
      const moved = target.add({ ...old, epoch: 2 });
      await target.want(moved);
      await until(() => target.holder === moved);
      // What it had at the old host is free, whatever that believes.
      await setPolicy({ sliceMs: 10_000 });
      await host.want(other);
      await has(other);
      await host.acquire(old);
      expect(host.refused).toMatchObject([
        { code: 'DEVICE_IN_USE', message: expect.stringContaining('epoch 1 of VM') },
      ]);
      await expect(exit(old, 1, ringAt(1))).rejects.toMatchObject({ code: 'DEVICE_IN_USE' });
      await bus.call(dmmCalls.release, undefined, { ...target.sharer(moved), epoch: 1 });
      const { hooks } = await bus.call(dmmCalls.hooks, undefined, { host: target.name, nic: 'eth0' });
      expect(hooks).not.toEqual([]);
      expect(await metric('v3_dmm_stale_epochs_total{service="dmm"}')).toBe(3);
    });
  });

  describe('a DMM that was killed', () => {
    /** As far as others can see: it hears and says nothing more. */
    const kill = async () => {
      const killed = dmm;
      await killed.get(Bus).close();
      return { bury: () => killed.close() };
    };

    it('in the middle of a switch is followed by one that knows who has the card and who waits', async () => {
      host = startHost();
      await startDmm();
      const [a, b, c] = [host.add({ greedy: true }), host.add({ greedy: true }), host.add({ greedy: true })];
      await host.want(a);
      await has(a);
      let go: () => void = () => undefined;
      const gate = new Promise<void>(resolve => (go = resolve));
      let held = 0;
      host.obstacle = () => {
        held++;
        return gate;
      };
      await host.want(b);
      await host.want(c);
      await until(() => held === 1);
      const { bury } = await kill();
      await startDmm();
      const before = host.switches.length;
      host.obstacle = () => undefined;
      go();
      await until(() => [a, b, c].every(guest => turnsOf(guest) >= 4));
      const turns = host.turns.slice(before);
      // Nobody was given the card twice before the others had it.
      for (let n = 3; n < turns.length; n++) expect(new Set(turns.slice(n - 2, n + 1)).size).toBe(3);
      await bury();
    });

    it('is followed by one that serves the longest waiting first', async () => {
      host = startHost();
      await startDmm();
      await setPolicy({ sliceMs: 10_000 });
      const [a, b, c] = [host.add(), host.add(), host.add()];
      await host.want(a);
      await has(a);
      await host.want(b);
      await host.want(c);
      const { bury } = await kill();
      // The order in which wishes are repeated means nothing.
      host.guests.delete(b.vmId);
      host.guests.set(b.vmId, b);
      await startDmm();
      await until(async () => (await metric(`v3_dmm_waiting{service="dmm",device="${name}/eth0"}`)) === 2);
      await host.leave(a);
      await has(b);
      await host.leave(b);
      await has(c);
      await bury();
    });
  });

  describe('a host', () => {
    it('that was started anew has given its cards to nobody', async () => {
      host = startHost();
      await startDmm();
      await setPolicy({ sliceMs: 10_000 });
      const [a, b] = [host.add(), host.add()];
      host.beat();
      await host.want(a);
      await has(a);
      host.holder = undefined;
      host.guests.clear();
      host.incarnation = randomUUID();
      const again = host.add({ vmId: b.vmId });
      host.beat();
      await host.want(again);
      await has(again);
    });

    it('that was started anew in the middle of a switch is not waited for', async () => {
      host = startHost();
      await startDmm();
      host.beat();
      let stuck = 0;
      host.obstacle = () => {
        stuck++;
        return new Promise<void>(() => undefined);
      };
      await host.want(host.add());
      await until(() => stuck === 1);
      host.stop();
      host = startHost();
      const guest = host.add();
      await host.want(guest);
      host.beat();
      await has(guest);
    });

    it('that took a card from its guest on its own is believed', async () => {
      host = startHost();
      await startDmm();
      const guest = host.add();
      await host.want(guest);
      await has(guest);
      host.holder = undefined;
      await host.want(guest);
      await has(guest);
      expect(turnsOf(guest)).toBe(2);
    });

    it('that does not answer keeps no other from being served', async () => {
      await new HostRepository(source).save({ name: 'mute', memoryMiB: 1, cores: 1, nics: [], radios: [] });
      const mute = new ScriptedHost(bus, 'mute');
      mute.obstacle = () => new Promise<void>(() => undefined);
      hosts.push(mute);
      host = startHost();
      await startDmm();
      await mute.want(mute.add());
      const guest = host.add();
      await host.want(guest);
      await has(guest);
    });
  });
});

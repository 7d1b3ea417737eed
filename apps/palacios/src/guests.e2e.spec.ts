import { kittenCalls, rawSubjects, vmChanged } from '@v3vee/contracts';
import type { VmDefinition } from '@v3vee/store';
import { clockError, Rig, uptime, waitFor } from './testing/rig.fixture';

const code = (expected: string) => expect.objectContaining({ code: expected });

describe('guests on one host', () => {
  let rig: Rig;
  let a1: VmDefinition;
  let b1: VmDefinition;

  beforeAll(async () => {
    rig = await Rig.start();
    await rig.addHost('alpha', 512, 8);
    a1 = await rig.define('a1', { nics: [{ network: 'lan', ip: '10.10.0.11/24' }] });
    b1 = await rig.define('b1', { nics: [{ network: 'lan', ip: '10.10.0.12/24' }] });
  });
  afterAll(() => rig?.stop());

  it('start from a template, each as itself, and know each other by name', async () => {
    const statuses = await Promise.all([a1, b1].map(vm => rig.call('start', { vmId: vm.id })));
    for (const status of statuses) {
      expect(status).toMatchObject({ state: 'RUNNING', reason: 'started from its template' });
    }
    expect(await rig.sh(a1, 'hostname')).toBe('a1');
    // Not one packet is lost, not even the first.
    expect(await rig.sh(a1, 'ping -c 3 -i 0.2 b1')).toContain('3 packets received');
    expect(await rig.sh(b1, 'ping -c 3 -i 0.2 a1')).toContain('3 packets received');
    await rig.until(a1, ({ agent, ips }) => agent && ips[0]?.[0] === '10.10.0.11/24');
    expect(await rig.row(a1)).toMatchObject({ state: 'RUNNING', desired: 'running', agent: true });
    const random = await Promise.all([a1, b1].map(vm => rig.sh(vm, 'cat /proc/sys/kernel/random/uuid')));
    expect(random[0]).not.toBe(random[1]);
    expect(await clockError(rig, a1)).toBe(0);
  });

  it('run commands: exit codes, both streams, input, bytes that are no text', async () => {
    expect(await rig.exec(a1, 'sh', '-c', 'echo out; echo err >&2; exit 7')).toEqual({
      exitCode: 7,
      stdout: 'out\n',
      stderr: 'err\n',
      encoding: 'utf8',
      truncated: false,
    });
    const input = Buffer.from('from outside').toString('base64');
    const cat = await rig.call('exec', { vmId: a1.id, command: ['cat'], input, timeoutSeconds: 30 });
    expect(cat.stdout).toBe('from outside');
    const bytes = await rig.exec(a1, 'printf', '\\377\\000');
    expect([bytes.encoding, Buffer.from(bytes.stdout, 'base64')]).toEqual(['base64', Buffer.from([255, 0])]);
    expect(await rig.exec(a1, 'sh', '-c', 'kill -9 $$')).toMatchObject({ exitCode: 137 });
    const much = await rig.exec(a1, 'sh', '-c', 'yes | head -c 600000; echo why >&2');
    expect(much).toMatchObject({ exitCode: 0, stderr: 'why\n', truncated: true });
    expect(much.stdout.length).toBeGreaterThan(400_000);
    await expect(rig.exec(a1, 'no-such-program')).rejects.toEqual(code('EXEC_FAILED'));
    const sleep = rig.call('exec', { vmId: a1.id, command: ['sleep', '100'], timeoutSeconds: 1 });
    await expect(sleep).rejects.toEqual(code('EXEC_TIMEOUT'));
  });

  it('have a console that can be typed into and read back', async () => {
    const heard: string[] = [];
    const listening = rig.bus.subscribeRaw(rawSubjects.consoleOut('*', a1.id), bytes => {
      heard.push(Buffer.from(bytes).toString('latin1'));
    });
    await rig.call('consoleAttach', { vmId: a1.id });
    await rig.bus.flush();
    rig.bus.publishRaw(rawSubjects.consoleIn('alpha', a1.id), Buffer.from('\necho $((6 * 7))-answer\n'));
    await waitFor(() => heard.join('').includes('42-answer'));
    listening.stop();
    const { scrollback } = await rig.call('consoleAttach', { vmId: a1.id });
    expect(Buffer.from(scrollback, 'base64').toString('latin1')).toContain('42-answer');
  });

  it('stand still when paused and go on with the right time', async () => {
    const before = await uptime(rig, a1);
    expect(await rig.call('pause', { vmId: a1.id })).toMatchObject({ state: 'PAUSED', agent: false });
    await expect(rig.exec(a1, 'true')).rejects.toThrow('VM a1 is PAUSED (paused); exec needs it RUNNING');
    await expect(rig.call('pause', { vmId: a1.id })).rejects.toEqual(code('VM_WRONG_STATE'));
    // The other one is not concerned; its clock tells the time that passes here.
    await rig.sh(b1, 'sleep 2');
    expect(await rig.call('resume', { vmId: a1.id })).toMatchObject({ state: 'RUNNING' });
    expect(await clockError(rig, a1)).toBe(0);
    expect((await uptime(rig, a1)) - before).toBeGreaterThan(0);
    expect(await rig.sh(a1, 'ping -c 1 b1')).toContain('1 packets received');
  });

  it('run for some guest time when they are simulated, and stand still before and after', async () => {
    const before = await uptime(rig, a1);
    await rig.call('pause', { vmId: a1.id });
    const told: string[] = [];
    const listening = rig.bus.listen(
      vmChanged,
      'alpha',
      ({ vmId, state }) => vmId === a1.id && told.push(state),
    );
    const simulated = await rig.call('simulate', { vmId: a1.id, ms: 2_000 });
    listening.stop();
    expect(simulated).toMatchObject({
      state: 'PAUSED',
      reason: 'paused after 2000 of 2000 ms of guest time',
    });
    expect([told[0], told.at(-1)]).toEqual(['SIMULATING', 'PAUSED']);
    await expect(rig.exec(a1, 'true')).rejects.toEqual(code('VM_WRONG_STATE'));
    await rig.call('resume', { vmId: a1.id });
    // Its time stood still but for that.
    expect((await uptime(rig, a1)) - before).toBeGreaterThanOrEqual(1.9);
    expect(await rig.sh(a1, 'ping -c 1 b1')).toContain('1 packets received');
    await expect(rig.call('simulate', { vmId: a1.id, ms: 10 })).rejects.toEqual(code('VM_WRONG_STATE'));
  });

  it('go to another core of their host, if that is free', async () => {
    const coreOf = async (vm: VmDefinition) =>
      (await rig.bus.call(kittenCalls.inventory, 'alpha', {})).allocations.find(
        ({ task }) => task === `vm/${vm.id}`,
      )?.core;
    const taken = await coreOf(b1);
    await rig.call('moveCore', { vmId: a1.id, core: 5 });
    expect(await coreOf(a1)).toBe(5);
    await expect(rig.call('moveCore', { vmId: a1.id, core: taken! })).rejects.toEqual(
      code('HOST_CORE_IN_USE'),
    );
    await expect(rig.call('moveCore', { vmId: a1.id, core: 8 })).rejects.toEqual(code('HOST_CORE_NOT_FOUND'));
    expect(await coreOf(a1)).toBe(5);
    expect(await rig.sh(a1, 'echo on')).toBe('on');
  });

  it('go back to a snapshot', async () => {
    await rig.sh(a1, 'echo before > /tmp/file');
    const snapshot = await rig.call('snapshot', { vmId: a1.id, name: 'good' });
    expect(snapshot).toMatchObject({ name: 'good', vmName: 'a1', host: 'alpha', memoryMiB: 64 });
    await expect(rig.call('snapshot', { vmId: a1.id, name: 'good' })).rejects.toEqual(
      code('SNAPSHOT_EXISTS'),
    );
    // What it has in common with the one before it is stored once.
    const later = await rig.call('snapshot', { vmId: a1.id, name: 'later' });
    expect(later).toMatchObject({ parent: snapshot.id, pauseMs: expect.any(Number) });
    expect(later.newPages).toBeLessThan(later.pages / 5);
    await rig.call('deleteSnapshot', { snapshotId: later.id });
    await rig.sh(a1, 'echo after > /tmp/file');
    const back = await rig.call('restore', { vmId: a1.id, snapshotId: snapshot.id, identity: false });
    expect(back).toMatchObject({ state: 'RUNNING', reason: 'restored from snapshot good' });
    expect(await rig.sh(a1, 'cat /tmp/file')).toBe('before');
    expect(await rig.sh(a1, 'ping -c 2 -i 0.2 b1')).toContain('2 packets received');
    expect(await clockError(rig, a1)).toBe(0);
    // A sleep that the restored timekeeping got wrong would not end.
    expect(await rig.sh(a1, 'sleep 1; echo woke')).toBe('woke');
  });

  it('refuse a snapshot that is not theirs, and one that does not fit; the guest runs on', async () => {
    const { id } = (await rig.snapshots.latest(a1.id)) as { id: string };
    const other = rig.call('restore', { vmId: b1.id, snapshotId: id, identity: false });
    await expect(other).rejects.toThrow('snapshot good is of VM a1, not of b1');
    const big = await rig.define('big', { memoryMiB: 96 });
    const tooBig = rig.call('restore', { vmId: big.id, snapshotId: id, identity: true });
    await expect(tooBig).rejects.toThrow(
      'the state was saved from a machine with 64 MiB of memory, big has 96 MiB, and with 1 virtio NICs, big has 0',
    );
    expect(await rig.row(big)).toMatchObject({ state: 'STOPPED' });
    const nowhere = { vmId: a1.id, snapshotId: '00000000-0000-4000-8000-000000000000', identity: false };
    await expect(rig.call('restore', nowhere)).rejects.toEqual(code('SNAPSHOT_NOT_FOUND'));
    expect(await rig.sh(b1, 'echo fine')).toBe('fine');
  });

  it('are cloned into machines of their own', async () => {
    const { id } = (await rig.snapshots.latest(a1.id)) as { id: string };
    const clone = await rig.define('c1', { nics: [{ network: 'lan', ip: '10.10.0.13/24' }] });
    const status = await rig.call('restore', { vmId: clone.id, snapshotId: id, identity: true });
    expect(status).toMatchObject({ state: 'RUNNING', reason: 'restored from snapshot good of a1' });
    expect(await rig.sh(clone, 'hostname; cat /tmp/file; cat /sys/class/net/eth0/address')).toBe(
      `c1\nbefore\n${clone.nics[0]?.mac}`,
    );
    expect(await rig.sh(clone, 'ping -c 2 -i 0.2 a1 && ping -c 2 -i 0.2 b1')).toContain('2 packets received');
    const random = await Promise.all([a1, clone].map(vm => rig.sh(vm, 'cat /proc/sys/kernel/random/uuid')));
    expect(random[0]).not.toBe(random[1]);
    // Those that ran before learn the new name.
    await waitFor(async () => (await rig.exec(b1, 'ping', '-c', '1', 'c1')).exitCode === 0);
    await rig.call('stop', { vmId: clone.id });
    await rig.call('forget', { vmId: clone.id });
    expect(await rig.row(clone)).toBeNull();
  });

  it('that power off, reboot and panic end as that, and hurt nobody', async () => {
    const poweroff = rig.exec(a1, 'poweroff', '-f');
    await expect(poweroff).rejects.toThrow('the guest ended while the command ran');
    expect(await rig.untilState(a1, 'STOPPED')).toMatchObject({ reason: 'powered off by the guest' });
    await rig.call('start', { vmId: a1.id });
    await rig.sh(a1, 'touch /tmp/before-reboot');
    void rig.exec(a1, 'reboot', '-f').catch(() => undefined);
    await rig.until(a1, ({ state, reason }) => state === 'RUNNING' && reason === 'rebooted by the guest');
    expect(await rig.sh(a1, 'ls /tmp')).not.toContain('before-reboot');
    void rig.exec(a1, 'sh', '-c', 'echo c > /proc/sysrq-trigger').catch(() => undefined);
    const failed = await rig.untilState(a1, 'ERROR');
    expect(failed.reason).toMatch(/^kernel panic: .*sysrq/i);
    expect(await rig.sh(b1, 'echo fine')).toBe('fine');
    expect(await rig.call('reset', { vmId: a1.id })).toMatchObject({ state: 'RUNNING', reason: 'reset' });
    expect(await rig.sh(a1, 'ping -c 1 b1')).toContain('1 packets received');
  });

  it('are refused when the host has no memory for them, which is free again after a stop', async () => {
    // 496 MiB are for guests; a1 and b1 have 128 of them.
    const c = await rig.define('large', { memoryMiB: 400 });
    await expect(rig.call('start', { vmId: c.id })).rejects.toEqual(code('HOST_MEMORY_EXHAUSTED'));
    const row = await rig.row(c);
    expect(row).toMatchObject({ state: 'STOPPED', desired: 'stopped' });
    expect(row.reason).toMatch(/^start failed: .*asks for 400 MiB/);
    const d = await rig.define('small', { boot: 'cold' });
    await rig.call('stop', { vmId: a1.id });
    expect(await rig.call('start', { vmId: d.id })).toMatchObject({ reason: 'started by a cold boot' });
    // A command waits for a guest that boots.
    expect(await rig.sh(d, 'hostname')).toBe('small');
    await rig.call('stop', { vmId: d.id });
    await rig.call('start', { vmId: a1.id });
  });

  it('do one thing at a time', async () => {
    const results = await Promise.allSettled([
      rig.call('reset', { vmId: a1.id }),
      rig.call('pause', { vmId: a1.id }),
      rig.call('stop', { vmId: a1.id }),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
    expect(results[1]).toMatchObject({ reason: code('VM_BUSY') });
    await expect(rig.call('start', { vmId: '00000000-0000-4000-8000-000000000000' })).rejects.toEqual(
      code('VM_NOT_FOUND'),
    );
  });

  it('are measured', async () => {
    await rig.sh(a1, 'ping -c 3 -i 0.2 b1');
    const telemetry = await rig.call('telemetry', { vmId: a1.id });
    expect(telemetry).toMatchObject({ vm: 'a1', host: 'alpha' });
    for (const kind of ['io-in', 'io-out', 'interrupt', 'halt', 'timer']) {
      expect(telemetry.exits[kind]?.count).toBeGreaterThan(0);
    }
    const metrics = await rig.metrics('palacios-alpha');
    const value = (name: string, label: string) => {
      const line = metrics.split('\n').find(each => each.startsWith(`${name}{`) && each.includes(label));
      return Number(line?.split(' ').at(-1));
    };
    expect(value('v3_vm_network_receive_packets_total', 'vm="a1"')).toBeGreaterThanOrEqual(3);
    expect(value('v3_vm_network_transmit_bytes_total', 'vm="a1"')).toBeGreaterThan(3 * 60);
    expect(value('v3_vm_vcpu_seconds_total', 'vm="a1",state="guest"')).toBeGreaterThan(0);
    expect(value('v3_vm_exits_total', 'vm="a1",kind="interrupt"')).toBeGreaterThan(0);
    expect(value('v3_vm_state', 'vm="a1",state="RUNNING"')).toBe(1);
    expect(value('v3_vm_memory_bytes', 'vm="a1"')).toBe(64 * 1024 * 1024);
    await expect(rig.call('telemetry', { vmId: (await rig.define('never')).id })).rejects.toEqual(
      code('VM_WRONG_STATE'),
    );
  });
});

import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { kittenCalls } from '@v3vee/contracts';
import type { VmDefinition } from '@v3vee/store';
import { clockError, Rig, uptime, waitFor } from './testing/rig.fixture';

const PALACIOS = 'palacios-alpha';

describe('palacios', () => {
  let rig: Rig;
  let a1: VmDefinition;
  let b1: VmDefinition;
  let idle: VmDefinition;

  beforeAll(async () => {
    rig = await Rig.start();
    await rig.addHost('alpha');
    a1 = await rig.define('a1', { nics: [{ network: 'lan', ip: '10.10.0.11/24' }] });
    b1 = await rig.define('b1', { nics: [{ network: 'lan', ip: '10.10.0.12/24' }] });
    idle = await rig.define('idle');
    await Promise.all([a1, b1].map(vm => rig.call('start', { vmId: vm.id })));
  });
  afterAll(() => rig?.stop());

  const held = async () => {
    const { allocations } = await rig.bus.call(kittenCalls.inventory, 'alpha', {});
    return allocations.map(({ task }) => task).sort();
  };
  const tasks = (...vms: VmDefinition[]) => vms.map(({ id }) => `vm/${id}`).sort();
  const states = () => readdir(join(rig.stateDir, 'states', 'checkpoints'));

  it('saves its guests at SIGTERM, and the next one goes on from there', async () => {
    await rig.sh(a1, 'echo kept > /tmp/file; sleep 1000 >/dev/null 2>&1 </dev/null & echo $! > /tmp/pid');
    await rig.call('pause', { vmId: b1.id });
    const before = await uptime(rig, a1);

    expect(await rig.signal(PALACIOS, 'SIGTERM')).toBe(0);
    for (const [vm, desired] of [
      [a1, 'running'],
      [b1, 'paused'],
    ] as const) {
      expect(await rig.row(vm)).toMatchObject({
        state: 'STOPPED',
        reason: 'saved at the shut-down of palacios on alpha',
        desired,
        resumeState: expect.stringMatching(/^[0-9a-f]{64}$/),
      });
    }
    expect(await rig.row(idle)).toBeNull();
    expect((await states()).length).toBe(2);
    expect(await held()).toEqual([]);

    await rig.restart(PALACIOS);
    const reason = 'resumed from the state saved at shut-down';
    expect(await rig.row(a1)).toMatchObject({
      state: 'RUNNING',
      reason,
      desired: 'running',
      resumeState: null,
    });
    expect(await rig.row(b1)).toMatchObject({
      state: 'PAUSED',
      reason,
      desired: 'paused',
      resumeState: null,
    });
    expect(await states()).toEqual([]);
    expect(await held()).toEqual(tasks(a1, b1));
    expect(await rig.sh(a1, 'cat /tmp/file; kill -0 $(cat /tmp/pid) && echo alive')).toBe('kept\nalive');
    const after = await uptime(rig, a1);
    expect(after).toBeGreaterThan(before);
    expect(after).toBeLessThan(before + 60);
    expect(await clockError(rig, a1)).toBe(0);
    await rig.call('resume', { vmId: b1.id });
    expect(await rig.sh(a1, 'ping -c 2 -i 0.2 b1')).toContain('2 packets received');
    expect(await clockError(rig, b1)).toBe(0);
  });

  it('that was killed restarts a guest from its last snapshot, and says what happened', async () => {
    await rig.sh(a1, 'echo snapshot > /tmp/file');
    await rig.call('snapshot', { vmId: a1.id, name: 'first' });
    await rig.call('snapshot', { vmId: a1.id, name: 'second' });
    await rig.sh(a1, 'echo lost > /tmp/file');

    await rig.signal(PALACIOS, 'SIGKILL');
    expect(await rig.row(a1)).toMatchObject({ state: 'RUNNING', resumeState: null });
    await rig.restart(PALACIOS);
    expect(await rig.row(a1)).toMatchObject({
      state: 'RUNNING',
      reason: 'restarted from snapshot second after palacios on alpha was killed',
    });
    expect(await rig.row(b1)).toMatchObject({
      state: 'ERROR',
      reason: 'palacios on alpha was killed while the VM was running; it has no snapshot to restart from',
    });
    // What the dead one held is free again.
    expect(await held()).toEqual(tasks(a1));
    expect(await rig.sh(a1, 'cat /tmp/file')).toBe('snapshot');
    expect(await clockError(rig, a1)).toBe(0);
    await rig.call('start', { vmId: b1.id });
    expect(await rig.sh(a1, 'ping -c 2 -i 0.2 b1')).toContain('2 packets received');
    // It is reported once: a third one finds nothing to mend.
    await rig.signal(PALACIOS, 'SIGTERM');
    await rig.restart(PALACIOS);
    expect(await rig.row(b1)).toMatchObject({ state: 'RUNNING' });
  });

  it('keeps a saved state that it can not resume', async () => {
    await rig.signal(PALACIOS, 'SIGTERM');
    const { resumeState } = await rig.row(a1);
    const file = join(rig.stateDir, 'states', 'checkpoints', resumeState as string);
    const content = await readFile(file);
    await writeFile(file, content.subarray(0, 1000));
    await rig.restart(PALACIOS);
    const row = await rig.row(a1);
    expect(row).toMatchObject({ state: 'ERROR', desired: 'running', resumeState });
    expect(row.reason).toMatch(/could not be resumed \(.*was changed.*\); it is kept/);
    // One that can be resumed is not held up by it.
    expect(await rig.row(b1)).toMatchObject({ state: 'RUNNING' });
    await expect(rig.call('start', { vmId: a1.id })).rejects.toMatchObject({ code: 'STATE_CORRUPT' });
    await writeFile(file, content);
    expect(await rig.call('start', { vmId: a1.id })).toMatchObject({
      reason: 'resumed from the state saved at shut-down',
    });
    expect(await rig.sh(a1, 'cat /tmp/file')).toBe('snapshot');
    expect((await rig.row(a1)).resumeState).toBeNull();
    await waitFor(async () => !(await states()).includes(resumeState as string));
  });

  it('tells a Kitten that was killed what its guests hold', async () => {
    const before = await held();
    await rig.signal('kitten-alpha', 'SIGKILL');
    await rig.restart('kitten-alpha');
    await waitFor(async () => (await held()).length === before.length);
    expect(await held()).toEqual(before);
    expect(await rig.sh(a1, 'echo unharmed')).toBe('unharmed');
    await rig.call('start', { vmId: idle.id });
    expect(await held()).toEqual(tasks(a1, b1, idle));
    await rig.call('stop', { vmId: idle.id });
    expect(await held()).toEqual(tasks(a1, b1));
  });

  it('removes a snapshot with its file, but not a file that another snapshot has', async () => {
    const all = await rig.snapshots.list({ limit: 10, vm: a1.id });
    expect(all.map(({ name }) => name)).toEqual(['first', 'second']);
    for (const [index, { id, digest }] of all.entries()) {
      await rig.call('deleteSnapshot', { snapshotId: id });
      const shared = all.slice(index + 1).some(other => other.digest === digest);
      expect((await states()).includes(digest)).toBe(shared);
    }
    await expect(rig.call('deleteSnapshot', { snapshotId: all[0]!.id })).rejects.toMatchObject({
      code: 'SNAPSHOT_NOT_FOUND',
    });
  });
});

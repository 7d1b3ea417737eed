import type { VmDefinition } from '@v3vee/store';
import { createHash } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { canMount, Rig } from '../testing/rig.fixture';

const PALACIOS = 'palacios-alpha';

describe('a VM with a disk', () => {
  let rig: Rig;
  let vm: VmDefinition;

  beforeAll(async () => {
    rig = await Rig.start();
    await Promise.all([rig.addHost('alpha'), rig.addHost('beta')]);
    vm = await rig.define('d1', {
      nics: [{ network: 'lan', ip: '10.10.0.11/24' }],
      disks: [{ name: 'data', mib: 64 }],
    });
    await rig.call('start', { vmId: vm.id });
    await rig.sh(vm, 'echo first >/mnt/data/file && sync');
  });
  afterAll(() => rig?.stop());

  const file = () => rig.sh(vm, 'cat /mnt/data/file');
  const write = (text: string) => rig.sh(vm, `echo ${text} >/mnt/data/file && sync`);
  const layers = async () => (await rig.disks.states([vm.disks[0]!.id])).get(vm.disks[0]!.id)!;

  it('keeps its files over reset, stop and start', async () => {
    await rig.call('reset', { vmId: vm.id });
    expect(await file()).toBe('first');
    await write('second');
    await rig.call('stop', { vmId: vm.id });
    expect((await layers()).sealed).toBe(true);
    await rig.call('start', { vmId: vm.id });
    expect(await file()).toBe('second');
  });

  it('goes on as it was after an orderly end, in the middle of what it does', async () => {
    await rig.sh(
      vm,
      'echo unsynced >/mnt/data/other; sleep 1000 >/dev/null 2>&1 </dev/null & echo $! > /tmp/pid',
    );
    await rig.signal(PALACIOS, 'SIGTERM');
    await rig.restart(PALACIOS);
    expect(await rig.sh(vm, 'cat /mnt/data/other; kill -0 $(cat /tmp/pid) && echo alive')).toBe(
      'unsynced\nalive',
    );
    expect((await layers()).layers).toHaveLength(1);
  });

  it('keeps what was flushed when its palacios is killed, although it has an older snapshot', async () => {
    await rig.call('snapshot', { vmId: vm.id, name: 'before' });
    await write('third');
    const before = await layers();
    expect(before.layers).toHaveLength(2);
    await rig.signal(PALACIOS, 'SIGKILL');
    await rig.restart(PALACIOS);
    expect(await rig.row(vm)).toMatchObject({
      state: 'RUNNING',
      reason: 'started anew, with its disks as they were, after palacios on alpha was killed',
    });
    vm = (await rig.vms.get(vm.id))!;
    expect(await file()).toBe('third');
    // whoever was killed could still write to the layer that it had, were it not dead
    const after = await layers();
    expect(after.layers[0]).not.toBe(before.layers[0]);
    expect(after.layers.slice(1)).toEqual(before.layers.slice(1));
  });

  it('has its disk as it was then when it goes back to a snapshot, again and again', async () => {
    await write('later');
    const snapshot = (await rig.snapshots.find(vm.id, 'before'))!;
    for (const what of ['once', 'twice']) {
      await rig.call('restore', { vmId: vm.id, snapshotId: snapshot.id, identity: false });
      expect(await file()).toBe('second');
      await write(what);
    }
  });

  it('has a clone with a copy of its disk, which goes its own way', async () => {
    await rig.call('snapshot', { vmId: vm.id, name: 'clone' });
    const snapshot = (await rig.snapshots.find(vm.id, 'clone'))!;
    const clone = await rig.define('d2', {
      nics: [{ network: 'lan', ip: '10.10.0.12/24' }],
      disks: [{ name: 'data', mib: 64 }],
    });
    await rig.call('restore', { vmId: clone.id, snapshotId: snapshot.id, identity: true });
    expect(await rig.sh(clone, 'hostname; cat /mnt/data/file')).toBe('d2\ntwice');
    await rig.sh(clone, 'echo clone >/mnt/data/file; sync');
    expect(await file()).toBe('twice');
    await rig.call('stop', { vmId: clone.id });
  });

  it('is refused a snapshot of a VM with other disks', async () => {
    const snapshot = (await rig.snapshots.find(vm.id, 'clone'))!;
    const other = await rig.define('d3', { nics: [{ network: 'lan' }], disks: [{ name: 'data', mib: 32 }] });
    const restored = rig.call('restore', { vmId: other.id, snapshotId: snapshot.id, identity: true });
    await expect(restored).rejects.toMatchObject({
      code: 'STATE_INCOMPATIBLE',
      message: expect.stringContaining('other disks'),
    });
  });

  it('moves to another host while it writes, with all that it wrote', async () => {
    const write = 'i=$((i + 1)); echo $i >/mnt/data/count; sync';
    await rig.sh(
      vm,
      `(i=0; until [ -e /tmp/moved ]; do ${write}; done; echo $i >/tmp/last) >/dev/null 2>&1 </dev/null &
       until [ -e /mnt/data/count ]; do usleep 10000; done`,
    );
    vm = (await rig.moved(vm, 'beta')).vm;
    await rig.sh(vm, 'touch /tmp/moved; until [ -e /tmp/last ]; do usleep 10000; done');
    const [count, last] = (await rig.sh(vm, 'cat /mnt/data/count /tmp/last')).split('\n');
    expect(count).toBe(last);
    expect(Number(count)).toBeGreaterThan(0);
    expect(await file()).toBe('twice');
    await rig.sh(vm, 'umount /mnt/data && e2fsck -fn /dev/vda');
    expect(await rig.row(vm)).toMatchObject({ host: 'beta', state: 'RUNNING' });
  });

  (canMount ? it : it.skip)('stands still when its host has no room, and loses nothing', async () => {
    await rig.signal(PALACIOS, 'SIGTERM');
    await rig.restart(PALACIOS, { folder: 'disks', size: '24m' });
    const full = await rig.define('d4', { disks: [{ name: 'data', mib: 64 }] });
    await rig.call('start', { vmId: full.id });
    const filler = rig.pathOf(PALACIOS, 'disks', 'filler');
    writeFileSync(filler, Buffer.alloc(18 << 20));
    // Long lines: a guest is slow at many.
    const [lines, width] = [2_000, 4_096];
    const numbers = Array.from({ length: lines }, (_, line) => `${`${line}`.padStart(width, '0')}\n`);
    const sum = createHash('md5').update(numbers.join('')).digest('hex');
    // It may stand still before it has answered, and answers then when it goes on.
    const begun = rig.sh(
      full,
      `(awk 'BEGIN { for (i = 0; i < ${lines}; i++) printf "%0${width}d\\n", i }' >/mnt/data/much && sync && md5sum </mnt/data/much >/tmp/sum) >/dev/null 2>&1 </dev/null &`,
    );
    const { reason } = await rig.untilState(full, 'PAUSED');
    expect(reason).toMatch(/^paused: the host has no room for what it writes to its disk \(data: ENOSPC/);
    await rig.call('resume', { vmId: full.id });
    await rig.untilState(full, 'PAUSED');
    rmSync(filler);
    await rig.call('resume', { vmId: full.id });
    await begun;
    // A command of its own may last a minute only, and this machine may be busy.
    let written = '';
    while (written === '') written = await rig.sh(full, 'usleep 100000; cat /tmp/sum || true');
    expect(written).toBe(`${sum}  -`);
    await rig.sh(full, 'umount /mnt/data && e2fsck -fn /dev/vda');
  });
});

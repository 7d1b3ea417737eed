import { kittenCalls, migrationTargetCalls, rawSubjects } from '@v3vee/contracts';
import type { VmDefinition } from '@v3vee/store';
import { Rig, uptime, waitFor } from './testing/rig.fixture';

/** Of the moves whose downtime is told; the lab has more. */
const MOVES = 3;

describe('a guest that moves between two hosts', () => {
  let rig: Rig;
  /** Moves. */
  let a1: VmDefinition;
  /** Stays on alpha and talks with it. */
  let peer: VmDefinition;

  beforeAll(async () => {
    rig = await Rig.start();
    await Promise.all([rig.addHost('alpha'), rig.addHost('beta'), rig.addHost('small', 64)]);
    a1 = await rig.define('a1', { nics: [{ network: 'lan', ip: '10.10.0.11/24' }] });
    peer = await rig.define('peer', { nics: [{ network: 'lan', ip: '10.10.0.12/24' }] });
    await Promise.all([a1, peer].map(vm => rig.call('start', { vmId: vm.id })));
    await rig.sh(a1, 'head -c 600000 /dev/urandom > /var/www/file; httpd -h /var/www');
  });
  afterAll(() => rig?.stop());

  const held = async (host: string) => {
    const { allocations } = await rig.bus.call(kittenCalls.inventory, host, {});
    return allocations.map(({ task }) => task);
  };
  const elsewhere = (vm: VmDefinition) => (vm.ownerHost === 'alpha' ? 'beta' : 'alpha');

  it('keeps its connections, its time and its programs', async () => {
    const sum = await rig.sh(a1, 'sha256sum < /var/www/file');
    await rig.sh(a1, 'sleep 1000 >/dev/null 2>&1 </dev/null & echo $! > /tmp/pid');
    const before = await uptime(rig, a1);
    const untilMoved = 'until [ -e /tmp/moved ]; do';
    const download = rig.sh(peer, `${untilMoved} wget -q -O - http://a1/file | sha256sum; done`);
    const ping = rig.sh(peer, `${untilMoved} ping -q -c 10 -i 0.1 a1; done`);
    const { vm, progress } = await rig.moved(a1, 'beta');
    await rig.sh(peer, 'touch /tmp/moved');

    expect(vm).toMatchObject({ host: 'beta', ownerHost: 'beta', epoch: a1.epoch + 1 });
    expect(new Set((await download).split('\n'))).toEqual(new Set([sum]));
    const lost = [...(await ping).matchAll(/(\d+) packets received/g)].map(([, got]) => 10 - Number(got));
    expect(lost.reduce((all, one) => all + one)).toBeLessThanOrEqual(2);
    expect(await rig.sh(vm, 'kill -0 $(cat /tmp/pid) && echo alive')).toBe('alive');
    expect(await uptime(rig, vm)).toBeGreaterThan(before);
    expect(progress.phases.map(({ phase }) => phase)).toEqual([
      'PREPARING',
      'COPYING',
      'STOPPED',
      'SWITCHING',
      'COMPLETED',
    ]);
    expect(progress.downtimeMs).toBeGreaterThan(0);
    expect(await rig.row(vm)).toMatchObject({
      host: 'beta',
      epoch: vm.epoch,
      state: 'RUNNING',
      desired: 'running',
    });
    expect(await held('alpha')).not.toContain(`vm/${vm.id}`);
    expect(await held('beta')).toContain(`vm/${vm.id}`);
    await expect(rig.call('start', { vmId: vm.id }, 'alpha')).rejects.toThrow('belongs to host beta');
    a1 = vm;
  });

  it('has its console where it is, and moves back', async () => {
    const heard: string[] = [];
    const listening = rig.bus.subscribeRaw(rawSubjects.consoleOut('*', a1.id), bytes =>
      heard.push(new TextDecoder().decode(bytes)),
    );
    const say = async (text: string) => {
      const line = new TextEncoder().encode(`echo ${text}-$((6 * 7))\n`);
      rig.bus.publishRaw(rawSubjects.consoleIn(a1.ownerHost, a1.id), line);
      await waitFor(() => heard.join('').includes(`${text}-42`));
    };
    await say('there');
    ({ vm: a1 } = await rig.moved(a1, 'alpha'));
    await say('back');
    listening.stop();
    expect(await rig.sh(peer, 'ping -c 2 -i 0.2 a1')).toContain('2 packets received');
  });

  it('moves while it changes its memory', async () => {
    const writing =
      'while :; do dd if=/dev/urandom of=/tmp/busy bs=4096 count=256 conv=notrunc 2>/dev/null; done';
    await rig.sh(a1, `(${writing}) >/dev/null 2>&1 </dev/null & echo $! > /tmp/writer`);
    const { vm, progress } = await rig.moved(a1, elsewhere(a1));
    expect(progress.rounds.length).toBeGreaterThan(1);
    expect(await rig.sh(vm, 'kill $(cat /tmp/writer) && wc -c < /tmp/busy')).toBe('1048576');
    a1 = vm;
  });

  it('stands still there if it stood still here', async () => {
    await rig.call('pause', { vmId: a1.id }, a1.ownerHost);
    const { vm, progress } = await rig.moved(a1, elsewhere(a1));
    expect(progress.downtimeMs).toBeNull();
    expect(await rig.row(vm)).toMatchObject({ state: 'PAUSED', desired: 'paused', host: vm.ownerHost });
    await rig.call('resume', { vmId: vm.id }, vm.ownerHost);
    expect(await rig.sh(vm, 'echo on')).toBe('on');
    expect(await rig.sh(peer, 'ping -c 2 -i 0.2 a1')).toContain('2 packets received');
    a1 = vm;
  });

  it('moves by stop and copy, if that is asked for', async () => {
    const { vm, progress } = await rig.moved(a1, elsewhere(a1), { mode: 'stop-and-copy' });
    expect(progress.rounds).toEqual([]);
    expect(await rig.sh(vm, 'echo on')).toBe('on');
    a1 = vm;
  });

  it('moves while another one comes the other way', async () => {
    const from = a1.ownerHost;
    const to = elsewhere(a1);
    let b1 = await rig.define('b1', { host: to, nics: [{ network: 'lan', ip: '10.10.0.13/24' }] });
    await rig.call('start', { vmId: b1.id }, to);
    [{ vm: a1 }, { vm: b1 }] = await Promise.all([rig.moved(a1, to), rig.moved(b1, from)]);
    expect([a1.ownerHost, b1.ownerHost]).toEqual([to, from]);
    expect(await rig.sh(a1, 'ping -c 2 -i 0.2 b1')).toContain('2 packets received');
    await rig.call('stop', { vmId: b1.id }, from);
  });

  it('goes on at once when it is called off, and nothing is left of it there', async () => {
    const target = elsewhere(a1);
    const move = await rig.migrate(a1, target, { bandwidthMiBps: 0.2 });
    await expect(rig.call('stop', { vmId: a1.id }, a1.ownerHost)).rejects.toMatchObject({ code: 'VM_BUSY' });
    await expect(rig.migrate(a1, target)).rejects.toMatchObject({ code: 'VM_BUSY' });
    await move.until(({ pagesSent }) => pagesSent > 0);
    await move.cancel();
    expect(await move.ended()).toMatchObject({ phase: 'CANCELLED' });
    expect(await rig.sh(a1, 'echo on')).toBe('on');
    await waitFor(async () => !(await held(target)).includes(`vm/${a1.id}`));
    expect((await rig.vms.get(a1.id))?.epoch).toBe(a1.epoch);
  });

  it('stays when the other host has no room, or another image, and says why', async () => {
    const refused = await (await rig.migrate(a1, 'small')).ended();
    expect(refused).toMatchObject({ phase: 'FAILED', reason: expect.stringMatching(/MiB/) });
    await expect(
      rig.bus.call(migrationTargetCalls.prepare, elsewhere(a1), {
        migrationId: crypto.randomUUID(),
        ...{ vmId: a1.id, source: a1.ownerHost, epoch: a1.epoch, cards: [], template: null },
        ...{ engineVersion: 'another', imageDigest: 'another', options: {} },
      } as never),
    ).rejects.toMatchObject({ code: 'STATE_INCOMPATIBLE' });
    expect(await rig.sh(a1, 'echo on')).toBe('on');
  });

  describe('when the other host’s Palacios is killed', () => {
    // The peer is on alpha, and is not to go with it.
    beforeAll(async () => {
      if (a1.ownerHost !== 'alpha') ({ vm: a1 } = await rig.moved(a1, 'alpha'));
    });
    afterEach(async () => {
      expect(await rig.sh(a1, 'echo on')).toBe('on');
      expect(await rig.sh(peer, 'ping -c 2 -i 0.2 a1')).toContain('2 packets received');
      await rig.restart('palacios-beta');
    });

    it('while its memory is copied, goes on', async () => {
      const move = await rig.migrate(a1, 'beta', { bandwidthMiBps: 0.2 });
      await move.until(({ pagesSent }) => pagesSent > 0);
      await rig.signal('palacios-beta', 'SIGKILL');
      expect(await move.ended()).toMatchObject({ phase: 'FAILED' });
      expect((await rig.vms.get(a1.id))?.epoch).toBe(a1.epoch);
    });

    it('after the last page, stands still until the store says whose it is, and goes on', async () => {
      const move = await rig.migrate(a1, 'beta', { bandwidthMiBps: 8 });
      await move.until(({ pagesSent }) => pagesSent > 0);
      // It can't swap the owner, and is killed when it tries to.
      await rig.stopDatabase();
      await move.until(({ phase }) => phase === 'SWITCHING');
      await rig.signal('palacios-beta', 'SIGKILL');
      await rig.startDatabase();
      expect(await move.ended()).toMatchObject({ phase: 'FAILED' });
      const vm = (await rig.vms.get(a1.id)) as VmDefinition;
      expect(vm).toMatchObject({ ownerHost: 'alpha', epoch: a1.epoch + 1 });
      a1 = vm;
      await rig.untilRow(a1, ({ epoch, state }) => epoch === a1.epoch && state === 'RUNNING');
    });
  });

  it('is told how long it stood still', async () => {
    const downtimes: number[] = [];
    for (let i = 0; i < MOVES; i++) {
      const { vm, progress } = await rig.moved(a1, elsewhere(a1));
      downtimes.push(progress.downtimeMs ?? NaN);
      a1 = vm;
    }
    expect(downtimes.every(ms => ms > 0)).toBe(true);
    expect(await rig.sh(a1, 'sha256sum < /var/www/file | wc -c')).toBe('68');
  });
});

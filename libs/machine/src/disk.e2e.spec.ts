import { combination, typing } from './keyboard/scan-codes';
import type { Guest } from './worker/guest';
import { disk, DISK_BYTES, DiskGuests } from './testing/disks.fixture';
import { sh } from './testing/guests.fixture';

let disks: DiskGuests;
beforeAll(async () => {
  disks = await DiskGuests.prepare();
});
afterAll(() => disks.stop());

/** Resolves when a row of its screen begins so. */
async function shows(guest: Guest, text: string): Promise<void> {
  while (!(await guest.screen()).text?.some(row => row.startsWith(text))) await guest.caughtUp();
}

/** By their names: a `sync` of all may miss one that is just being written back, see infra/images/debian/shutdown. */
it('keeps files from one guest to the next, also when the first is killed after its files were synced', async () => {
  const ids = [await disks.folder.create(DISK_BYTES)];
  const first = await disks.start(ids);
  const sum = await sh(
    first,
    'cd /data && echo kept >file && cp /usr.squashfs . && sync file usr.squashfs && md5sum </usr.squashfs',
  );
  await first.terminate();
  const second = await disks.start(ids);
  expect(await sh(second, 'cat /data/file; md5sum </data/usr.squashfs')).toBe(`kept\n${sum}`);
  expect(await sh(second, 'cat /sys/block/vda/size')).toBe(String(DISK_BYTES / 512));
  await second.terminate();
}, 240_000);

it('keeps the guest’s own files where it is its root', async () => {
  const ids = [await disks.folder.create(DISK_BYTES)];
  const first = await disks.start(ids, { root: true });
  await sh(
    first,
    'echo mine >/root/own && echo "#!/bin/sh" >/usr/bin/added && echo 1 >>/etc/profile && sync',
  );
  await first.terminate();
  const second = await disks.start(ids, { root: true });
  expect(await sh(second, 'cat /root/own; ls /usr/bin/added; tail -n 1 /etc/profile; hostname')).toBe(
    'mine\n/usr/bin/added\n1\nvm0',
  );
  await second.terminate();
}, 240_000);

it('is saved in the middle of writes with the machine, and both go on from that instant', async () => {
  const bottom = await disks.folder.create(DISK_BYTES);
  const guest = await disks.start([bottom]);
  const writing = sh(
    guest,
    'i=0; while [ $i -lt 400 ]; do echo $i >/data/$((i % 40)); i=$((i + 1)); [ $((i % 20)) = 0 ] && sync; done; sync; echo done',
  );
  await sh(guest, 'while [ ! -e /data/7 ]; do usleep 1000; done');
  const top = await disks.folder.create(DISK_BYTES);
  const { base, changes, pauseMs, ...head } = await guest.capture(undefined, disks.layers([top, bottom]));
  expect(base).toBeUndefined();
  expect(pauseMs).toBeGreaterThan(0);
  expect(await writing).toBe('done');
  await guest.terminate();

  const memory = new Uint8Array(new SharedArrayBuffer(64 << 20));
  for (const [page, bytes] of changes) memory.set(bytes, page * 4096);
  const other = await disks.guests.create(0, { disks: [disk] });
  await other.load({ ...head, memory });
  await other.plugDisks(disks.layers([await disks.folder.create(DISK_BYTES), bottom]));
  await other.run();
  other.agent.resync();
  await sh(
    other,
    'while pidof sh >/dev/null && [ "$(cat /data/39 2>/dev/null)" != 399 ]; do usleep 20000; done',
  );
  expect(
    await sh(
      other,
      'sync; cat /data/0 /data/39; umount /data && e2fsck -fn /dev/vda >/dev/null 2>&1 && echo clean',
    ),
  ).toBe('360\n399\nclean');
  await other.terminate();
}, 240_000);

it('reads random bytes of the host, and knows the time by its clock chip', async () => {
  const guest = await disks.guests.start(1);
  expect(await sh(guest, 'cat /sys/class/misc/hw_random/rng_current')).toMatch(/^virtio_rng/);
  expect(await sh(guest, 'dd if=/dev/hwrng bs=64 count=1 2>/dev/null | wc -c')).toBe('64');
  const offset = Number(await sh(guest, 'cat /sys/class/rtc/rtc0/since_epoch')) - Date.now() / 1000;
  expect(Math.abs(offset)).toBeLessThan(30);
  await guest.pause();
  const saved = await guest.save();
  await guest.terminate();
  const other = await disks.guests.resume(saved, 1);
  other.agent.resync();
  const later = Number(await sh(other, 'cat /sys/class/rtc/rtc0/since_epoch')) - Date.now() / 1000;
  expect(Math.abs(later)).toBeLessThan(30);
  expect(await sh(other, 'dd if=/dev/hwrng bs=64 count=1 2>/dev/null | wc -c')).toBe('64');
  await other.terminate();
}, 240_000);

it('shows its screen, and takes what is typed', async () => {
  const guest = await disks.guests.start(2);
  const { width, height, rgb, text } = await guest.screen();
  expect([width, height, rgb.length]).toEqual([720, 400, 720 * 400 * 3]);
  expect(text?.join('\n')).toContain('Please press Enter to activate this console.');
  expect(await guest.typeKeys(combination('enter'))).toBe(true);
  await shows(guest, 'vm2:');
  expect(await guest.typeKeys(typing('echo "Typed: $((6*7))" | tee typed\n'))).toBe(true);
  await shows(guest, 'Typed: 42');
  expect(await sh(guest, 'cat /root/typed')).toBe('Typed: 42');
  await guest.terminate();
}, 240_000);

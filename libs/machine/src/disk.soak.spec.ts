import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DiskFolder } from '@v3vee/disk-store';
import { ensureTemplate } from './template/template';
import { Guests, identityOf, sh } from './testing/guests.fixture';

const MINUTES = Number(process.env.V3_SOAK_MINUTES ?? 10);
const BYTES = 64 << 20;
const MIB = 12;
/** Of a busy machine. */
const PATIENCE_MS = 240_000;
const disk = { bytes: BYTES, readOnly: false, serial: 'data' };

/** Files of random bytes, larger than what a guest's page cache keeps beside them, read again from the disk itself. */
describe('a disk', () => {
  let guests: Guests;
  let path: string;
  let folder: DiskFolder;
  beforeAll(async () => {
    guests = await Guests.prepare();
    path = await mkdtemp(join(tmpdir(), 'v3-disk-'));
    folder = await DiskFolder.open(path);
  });
  afterAll(async () => {
    await guests.stop();
    await rm(path, { recursive: true, force: true });
  });

  const start = async (id: string) => {
    const guest = await guests.create(0, { disks: [disk] });
    await guest.load(await ensureTemplate({ ...guests.template, disks: [disk] }));
    await guest.plugDisks([folder.files([id])]);
    await guest.run();
    const identity = { name: 'data', mount: '/data', readOnly: false, blank: true, root: false };
    await guest.config.configure({ ...identityOf(0), disks: [identity] }, PATIENCE_MS);
    return guest;
  };

  it(
    `gives back what was written, for ${MINUTES} minutes of guests that come and are killed`,
    async () => {
      const id = await folder.create(BYTES);
      const late = Date.now() + MINUTES * 60_000;
      let written = '';
      let rounds = 0;
      for (; Date.now() < late; rounds++) {
        const guest = await start(id);
        // Three times: a sum that differs from itself is a matter of the processor or of reading, not of what is stored.
        const read = () =>
          sh(
            guest,
            'for i in 1 2 3; do echo 3 >/proc/sys/vm/drop_caches; md5sum </data/file; done',
            PATIENCE_MS,
          );
        const thrice = (sum: string) => [sum, sum, sum].join('\n');
        if (written)
          expect([rounds, 'of the guest before', await read()]).toEqual([
            rounds,
            'of the guest before',
            thrice(written),
          ]);
        written = await sh(
          guest,
          `dd if=/dev/urandom bs=64k count=${MIB * 16} 2>/dev/null | tee /data/file | md5sum; sync`,
          PATIENCE_MS,
        );
        expect([rounds, 'of its own', await read()]).toEqual([rounds, 'of its own', thrice(written)]);
        await guest.terminate();
      }
      console.log(
        `${rounds} guests, ${rounds * MIB} MiB written, ${rounds * 6 * MIB} MiB read, every sum right`,
      );
    },
    (MINUTES + 10) * 60_000,
  );
});

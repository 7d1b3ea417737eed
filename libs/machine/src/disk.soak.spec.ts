import { DISK_BYTES, DiskGuests } from './testing/disks.fixture';
import { sh } from './testing/guests.fixture';

const MINUTES = Number(process.env.V3_SOAK_MINUTES ?? 10);
const MIB = 12;
/** Of a busy machine. */
const PATIENCE_MS = 240_000;

/** Files of random bytes, larger than what a guest's page cache keeps beside them, read again from the disk itself. */
describe('a disk', () => {
  let disks: DiskGuests;
  beforeAll(async () => {
    disks = await DiskGuests.prepare();
  });
  afterAll(() => disks.stop());

  it(
    `gives back what was written, for ${MINUTES} minutes of guests that come and are killed`,
    async () => {
      const id = await disks.folder.create(DISK_BYTES);
      const late = Date.now() + MINUTES * 60_000;
      let written = '';
      let rounds = 0;
      for (; Date.now() < late; rounds++) {
        const guest = await disks.start([id], { patienceMs: PATIENCE_MS });
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
          `dd if=/dev/urandom bs=64k count=${MIB * 16} 2>/dev/null | tee /data/file | md5sum; sync /data/file`,
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

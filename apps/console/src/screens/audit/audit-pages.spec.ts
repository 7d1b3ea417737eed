import type { AuditEntry, List } from '@v3vee/contracts';
import { ApiError } from '../../api/problem';
import { AuditPages } from './audit-pages';

const PAGE = 3;
/** A log whose page tokens are the id of the last entry that was told. */
class Log {
  newest = 0;
  asked: (string | undefined)[] = [];
  down = false;
  write = (count: number) => (this.newest += count);
  readonly ask = (token: string | undefined): Promise<List<AuditEntry>> => {
    this.asked.push(token);
    if (this.down) return Promise.reject(new ApiError('UNREACHABLE', 'The gateway cannot be reached', ''));
    const first = token === undefined ? this.newest : Number(token) - 1;
    const ids = Array.from({ length: Math.min(PAGE, first) }, (_, n) => first - n);
    const last = ids.at(-1) ?? 1;
    const items = ids.map(id => ({ id }) as AuditEntry);
    return Promise.resolve({ items, nextPageToken: last > 1 ? String(last) : '' });
  };
}
const from = (high: number, low: number) => Array.from({ length: high - low + 1 }, (_, n) => high - n);
const idsOf = (pages: AuditPages) => pages.getSight().entries?.map(({ id }) => id);

describe('the audit log as it is shown', () => {
  it('has a page at first, older ones as they are asked for, and ends', async () => {
    const log = new Log();
    log.write(7);
    const pages = new AuditPages(log.ask);
    await pages.look();
    expect([idsOf(pages), pages.getSight().hasMore]).toEqual([[7, 6, 5], true]);
    await pages.more();
    await pages.more();
    expect([idsOf(pages), pages.getSight().hasMore]).toEqual([from(7, 1), false]);
  });

  it('gets what is new without losing what was read, nor having it twice', async () => {
    const log = new Log();
    log.write(7);
    const pages = new AuditPages(log.ask);
    await pages.look();
    await pages.more();
    log.write(1);
    await pages.look();
    log.write(5);
    await pages.look();
    expect(idsOf(pages)).toEqual(from(13, 2));
    await pages.more();
    expect([idsOf(pages), pages.getSight().hasMore]).toEqual([from(13, 1), false]);
  });

  it('begins anew where more was written than it reads at once: nothing is left out in between', async () => {
    const log = new Log();
    log.write(4);
    const pages = new AuditPages(log.ask);
    await pages.look();
    log.write(100);
    await pages.look();
    const first = idsOf(pages)!;
    expect(first).toEqual(from(104, 90));
    await pages.more();
    expect(idsOf(pages)).toEqual(from(104, 87));
  });

  it('keeps what it has when it can’t ask, and goes on later', async () => {
    const log = new Log();
    log.write(2);
    const pages = new AuditPages(log.ask);
    await pages.look();
    log.down = true;
    await pages.look();
    expect([idsOf(pages), pages.getSight().error?.code]).toEqual([[2, 1], 'UNREACHABLE']);
    log.down = false;
    log.write(1);
    await pages.look();
    expect([idsOf(pages), pages.getSight().error]).toEqual([[3, 2, 1], undefined]);
  });

  it('is empty where nothing fits, and finds the first that does', async () => {
    const log = new Log();
    const pages = new AuditPages(log.ask);
    await pages.look();
    expect([idsOf(pages), pages.getSight().hasMore]).toEqual([[], false]);
    log.write(1);
    await pages.look();
    expect(idsOf(pages)).toEqual([1]);
  });

  it('asks one thing at a time, and nothing once it has stopped', async () => {
    const log = new Log();
    log.write(9);
    const pages = new AuditPages(log.ask);
    await Promise.all([pages.look(), pages.look(), pages.more()]);
    expect(log.asked).toEqual([undefined]);
    pages.stop();
    await pages.look();
    expect(log.asked).toEqual([undefined]);
  });
});

import { createDataSource, EventRepository, migrate, type EventEntity } from '@v3vee/store';
import { testPostgres } from '@v3vee/testkit';
import type { DataSource } from 'typeorm';
import type { EventFeed } from './event-feed';
import { WatchSteps } from './watch-steps';
import type { Watchable } from './watch-stream';

describe('what comes next in watches', () => {
  let database: { url: string; stop(): Promise<void> };
  let dataSource: DataSource;
  let events: EventRepository;
  let reads: jest.SpyInstance;
  const feed = { state: 0 };
  let steps: WatchSteps;
  const watched: Watchable = {
    present: async () => [],
    lines: async (all: EventEntity[]) => all.map(({ name }) => ({ name })),
    bookmark: () => undefined,
  };
  const log = async (name: string, project: string | null = null) => {
    await events.log({
      ...{ kind: project === null ? 'host' : 'vm', name, vm: null, project },
      ...{ before: null, state: 'DECLARED', reason: 'why' },
    });
    feed.state++;
  };
  beforeAll(async () => {
    database = await testPostgres();
    dataSource = createDataSource(database.url);
    await migrate(dataSource);
    events = new EventRepository(dataSource);
    reads = jest.spyOn(events, 'after');
  });
  afterAll(async () => {
    await dataSource?.destroy();
    await database?.stop();
  });
  beforeEach(() => {
    reads.mockClear();
    steps = new WatchSteps(events, feed as EventFeed);
  });

  it('is read once for all that are at the same place of the same list', async () => {
    const place = await events.latest();
    await log('one');
    const all = await Promise.all(Array.from({ length: 1_000 }, () => steps.after(place, watched, null)));
    expect(new Set(all.map(({ lines }) => lines.join('')))).toEqual(new Set(['{"name":"one"}\n']));
    expect(reads).toHaveBeenCalledTimes(1);
    await steps.after(all[0]!.place, watched, null);
    await steps.after(place, { ...watched, kind: 'host' }, null);
    expect(reads).toHaveBeenCalledTimes(3);
  });

  it('is never what another project’s people see', async () => {
    const place = await events.latest();
    await log('secret', 'red');
    const [admin, red, blue] = await Promise.all(
      [null, 'red', 'blue'].map(project => steps.after(place, watched, project)),
    );
    expect([admin, red, blue].map(step => step!.lines.join(''))).toEqual([
      '{"name":"secret"}\n',
      '{"name":"secret"}\n',
      '',
    ]);
    // Passed over all the same.
    expect(blue!.place).toBe(admin!.place);
  });

  it('is read anew when there is news', async () => {
    const place = await events.latest();
    expect((await steps.after(place, watched, null)).lines).toEqual([]);
    await log('later');
    expect((await steps.after(place, watched, null)).lines).toEqual(['{"name":"later"}\n']);
  });

  it('is read anew after it could not be read', async () => {
    const place = await events.latest();
    reads.mockRejectedValueOnce(new Error('the database is away'));
    await expect(steps.after(place, watched, null)).rejects.toThrow('away');
    expect((await steps.after(place, watched, null)).place).toBe(place);
  });
});

import type { Event } from '@v3vee/contracts';
import { EventLog, type EventFilter } from './event-log';
import { ApiError } from './problem';

const event = (resourceVersion: string, vm: string | null = 'a1'): Event => ({
  ...{ resourceVersion, at: new Date(0).toISOString(), kind: 'vm', name: 'a1', vm },
  ...{ before: null, state: 'RUNNING', reason: 'started' },
});
type Step = Event[] | ApiError;

describe('the event log', () => {
  let log: EventLog;
  let places: string[];
  /** Follows a log of `kept` events whose watches bring these, one after the other, until all were taken. */
  const follow = async (kept: Event[], steps: Step[], filter: EventFilter = {}) => {
    places = [];
    await new Promise<void>(resolve => {
      log = new EventLog(
        {
          list: async ({ pageSize, vm }) => ({
            items: kept.filter(each => vm === undefined || each.vm === vm).slice(0, pageSize),
          }),
          async *watch(after) {
            places.push(after);
            const step = steps.shift();
            if (step === undefined) return resolve();
            if (step instanceof ApiError) throw step;
            yield* step;
          },
        },
        filter,
        0,
      );
      void log.follow();
    });
    const { events } = log.getSight();
    log.stop();
    return events?.map(({ resourceVersion }) => resourceVersion);
  };

  it('begins with what was there, goes on after a lost connection, and shows nothing twice', async () => {
    const gone = ApiError.unreachable(new Error('refused'));
    const seen = await follow([event('5')], [[event('5'), event('7')], gone, [event('9')]]);
    expect(seen).toEqual(['9', '7', '5']);
    expect(places).toEqual(['5', '7', '7', '9']);
  });

  it('says that the connection is lost, and keeps what it has', async () => {
    const links: string[] = [];
    const following = follow([event('5')], [ApiError.unreachable(new Error('refused')), []]);
    log.subscribe(() => links.push(log.getSight().link));
    await following;
    expect(links).toEqual(expect.arrayContaining(['live', 'lost']));
    expect(log.getSight().events).toHaveLength(1);
  });

  it('goes on after those that it does not show', async () => {
    const seen = await follow([event('5', 'b1')], [[event('6', 'b1'), event('7')]], { vm: 'a1' });
    expect(seen).toEqual(['7']);
    expect(places).toEqual(['5', '7']);
  });

  it('begins anew where the log was cut off', async () => {
    const kept = [event('90')];
    const cutOff = new ApiError('RESOURCE_VERSION_TOO_OLD', '', '');
    expect(await follow(kept, [[event('91')], cutOff])).toEqual(['90']);
    expect(places).toEqual(['90', '91', '90']);
  });
});

import { V3Error } from '@v3vee/contracts';
import { handOver, takeOver, type SourceState } from './handover';
import { Plays, type Case } from './plays.fixture';

describe('a hand-over, on a real Postgres', () => {
  let plays: Plays;
  beforeAll(async () => {
    plays = await Plays.open();
  });
  afterAll(() => plays?.close());

  const expectSafe = async (cases: Case[]) => {
    const { failures, moved } = await plays.all(cases);
    expect(failures).toEqual([]);
    return moved;
  };

  it('has one owner and one guest, whichever party is killed at whichever step', async () => {
    const cases = plays.crashes().map(crash => ({ crash }));
    expect(cases.length).toBeGreaterThan(60);
    const moved = await expectSafe(cases);
    // Some came to their end in spite of it, some did not.
    expect(moved).toBeGreaterThan(0);
    expect(moved).toBeLessThan(cases.length);
  });

  it('… whichever message is lost, repeated or late', async () => {
    await expectSafe(plays.disturbances().map(fate => ({ fate })));
  });

  /** What a fence is for: the source is another process by the time that the target hears what the last one said. */
  const isOvertaken = ({ crash, fate }: Case) =>
    crash?.who === 'source' && crash.again === 'at once' && fate?.what === 'late';
  const both = (): Case[] =>
    plays.crashes().flatMap(crash => plays.disturbances().map(fate => ({ crash, fate })));

  // In parts: each test stays short on a slow machine, and one that hangs says where.
  it.each([0, 1, 2, 3])(
    '… whoever is killed and started again before a late message comes (part %i)',
    async part => {
      const overtaken = both().filter(isOvertaken);
      expect(overtaken.length).toBeGreaterThan(150);
      await expectSafe(overtaken.filter((_, index) => index % 4 === part));
    },
  );

  it.each([0, 1])('… whoever is killed while a message is lost, repeated or late (part %i)', async part => {
    // Not all, but always the same; all of them are played in the soak.
    const some = both().filter((_, index) => index % 17 === 0);
    await expectSafe(some.filter((_, index) => index % 2 === part));
  });

  it.each(Plays.silences())('… when the store does not say what became of a swap (%j)', async store => {
    const crashes = plays.crashes().filter(({ again }) => again === 'at once');
    await expectSafe([{ store }, ...crashes.map(crash => ({ store, crash }))]);
  });

  it('… whenever it is cancelled, and the answer is true', async () => {
    for (const cancel of plays.cancellations()) {
      const { wrong, outcome, moved } = await plays.play(cancel);
      expect(wrong).toEqual([]);
      // Not every step is made each time: what two changes write to the store may be written once.
      if (outcome === undefined || outcome === 'MIGRATION_NOT_FOUND') expect(moved).toBe(true);
      else expect(moved).toBe(outcome === 'MIGRATION_TOO_LATE');
    }
  });
});

describe('the two tables', () => {
  const failing = (at?: string) => {
    const entered: SourceState[] = [];
    const step = (name: string) => async () => {
      if (name === at) throw new V3Error('TIMEOUT', name);
    };
    return {
      entered,
      steps: {
        entered: (state: SourceState) => void entered.push(state),
        preparing: step('preparing'),
        copying: step('copying'),
        stopping: step('stopping'),
        switching: step('switching'),
        reclaim: async () => null,
        again: async () => true,
      },
    };
  };

  it('lead the source through its states', async () => {
    const { entered, steps } = failing();
    expect(await handOver(steps)).toEqual({ at: 'there' });
    expect(entered).toEqual(['preparing', 'copying', 'stopping', 'switching', 'there']);
  });

  it.each(['preparing', 'copying', 'stopping'])(
    'keep it here when %s fails, without asking the store',
    async at => {
      const { entered, steps } = failing(at);
      steps.reclaim = () => Promise.reject(new Error('not to be asked'));
      expect(await handOver(steps)).toMatchObject({ at: 'here', reclaimed: undefined, why: { message: at } });
      expect(entered.slice(-2)).toEqual([at, 'here']);
    },
  );

  it('ask the store for as long as it does not answer, and give up only at the end of the process', async () => {
    const { entered, steps } = failing('switching');
    let asked = 0;
    const reclaim = async () => {
      if (++asked < 4) throw new Error('away');
      return null;
    };
    expect(await handOver({ ...steps, reclaim })).toEqual({ at: 'there' });
    expect(entered.slice(-5)).toEqual(['doubt', 'doubt', 'doubt', 'doubt', 'there']);
    const never = { reclaim: () => Promise.reject(new Error('away')), again: async () => false };
    expect(await handOver({ ...steps, ...never })).toMatchObject({ at: 'unknown' });
  });

  it('let the target swap only what is loaded, and take a refusal for an answer', async () => {
    const entered: string[] = [];
    const steps = {
      entered: (state: string) => void entered.push(state),
      loading: () => Promise.reject(new V3Error('STATE_CORRUPT', 'half')),
      swap: () => Promise.reject(new Error('not to be asked')),
      again: async () => true,
    };
    await expect(takeOver(steps)).rejects.toMatchObject({ code: 'STATE_CORRUPT' });
    expect(entered).toEqual(['loading', 'gone']);
    const loading = async () => undefined;
    const swap = () => Promise.reject(new V3Error('DEVICE_IN_USE', 'taken'));
    await expect(takeOver({ ...steps, loading, swap })).rejects.toMatchObject({ code: 'DEVICE_IN_USE' });
    await expect(takeOver({ ...steps, loading, swap: async () => null })).rejects.toMatchObject({
      code: 'MIGRATION_FAILED',
    });
  });
});

import type { Overview, OverviewPart } from '@v3vee/contracts';
import { OverviewStore } from './overview-store';
import { ApiError } from './problem';

describe('the overview store', () => {
  let asked: { parts: OverviewPart[]; vm: string | undefined }[];
  let answers: (Partial<Overview> | ApiError)[];
  let hidden: boolean;
  let store: OverviewStore;
  const looks: (() => void)[] = [];
  /** Until the store wondered thrice whether it is seen. */
  const lookedAgain = async () => {
    for (let n = 0; n < 3; n++) await new Promise<void>(resolve => looks.push(resolve));
  };
  /** Until the page was told something. */
  const told = () =>
    new Promise<void>(resolve => {
      const off = store.subscribe(() => {
        off();
        resolve();
      });
    });
  beforeEach(() => {
    asked = [];
    answers = [];
    hidden = false;
    store = new OverviewStore(
      {
        ask: async (parts, vm) => {
          asked.push({ parts, vm });
          const answer = answers.shift() ?? {};
          if (answer instanceof ApiError) throw answer;
          return { at: new Date().toISOString(), missing: [], ...answer };
        },
        isHidden: () => {
          looks.pop()?.();
          return hidden;
        },
      },
      1,
    );
  });
  afterEach(() => store.clear());

  it('asks once for all that is on the screen', async () => {
    store.want({ parts: ['vms', 'hosts'] });
    store.want({ parts: ['vms', 'telemetry'], vm: 'a1' });
    await told();
    expect(asked).toEqual([{ parts: ['vms', 'hosts', 'telemetry'], vm: 'a1' }]);
  });

  it('keeps what is not asked for any more, and what was there before', async () => {
    answers = [{ vms: [], operations: [] }, { vms: [] }];
    const off = store.want({ parts: ['vms', 'operations'] });
    await told();
    const first = store.getSight().known;
    off();
    store.want({ parts: ['vms'] });
    await told();
    expect(store.getSight().known.operations).toEqual([]);
    expect(store.getSight().before).toBe(first);
  });

  it('goes on after an error, with what it knew', async () => {
    answers = [{ vms: [] }, ApiError.unreachable(new Error('refused')), { vms: [] }];
    store.want({ parts: ['vms'] });
    await told();
    await told();
    expect(store.getSight()).toMatchObject({ known: { vms: [] }, error: { code: 'UNREACHABLE' } });
    await told();
    expect(store.getSight().error).toBeUndefined();
  });

  it('asks nothing while nobody looks, and at once when somebody does', async () => {
    hidden = true;
    store.want({ parts: ['vms'] });
    await lookedAgain();
    expect(asked).toEqual([]);
    hidden = false;
    store.refresh();
    await told();
    expect(asked).toHaveLength(1);
  });
});

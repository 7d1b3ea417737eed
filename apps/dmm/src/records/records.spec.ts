import { randomUUID } from 'node:crypto';
import { deserialize, serialize } from 'node:v8';
import { V3Error } from '@v3vee/contracts';
import type { DmmContextEntity, NewDmmViolation } from '@v3vee/store';
import { savedContext } from '../testing/saved-context.fixture';
import { ContextWriter } from './context-writer';
import { ViolationWriter } from './violation-writer';
import { WriteBehind } from './write-behind';

const away = new V3Error('SERVICE_UNAVAILABLE', 'the database does not answer');
/** Lets what is under way go on as far as it can without time passing. */
const settle = async () => {
  for (let n = 0; n < 20; n++) await Promise.resolve();
};

beforeEach(() => void jest.useFakeTimers({ doNotFake: ['setImmediate'] }));
afterEach(() => void jest.useRealTimers());

describe('writing behind', () => {
  let pending: boolean;
  let outcomes: (() => Promise<void>)[];
  let failures: unknown[];
  let written: number[];
  let behind: WriteBehind;
  beforeEach(() => {
    [pending, outcomes, failures, written] = [false, [], [], []];
    behind = new WriteBehind({
      write: async () => {
        written.push(performance.now());
        pending = false;
        await outcomes.shift()?.();
      },
      isPending: () => pending,
      everyMs: 100,
      onFailure: thrown => failures.push(thrown),
    });
  });
  const add = () => {
    pending = true;
    behind.wake();
  };

  it('writes at once, and then what came meanwhile, but not more often than it should', async () => {
    const start = performance.now();
    add();
    await jest.advanceTimersByTimeAsync(0);
    add();
    add();
    await jest.advanceTimersByTimeAsync(1_000);
    expect(written.map(at => at - start)).toEqual([0, 100]);
  });

  it('goes on with what came while it wrote', async () => {
    outcomes = [async () => add()];
    add();
    await jest.advanceTimersByTimeAsync(1_000);
    expect(written.length).toBe(2);
  });

  it('tries again after a failure', async () => {
    const failing = () => {
      pending = true;
      return Promise.reject(away);
    };
    outcomes = [failing, failing];
    add();
    await jest.advanceTimersByTimeAsync(1_000);
    expect([written.length, failures]).toEqual([3, [away, away]]);
  });

  it('writes a last time at the end, after what is under way, and never again', async () => {
    let finish: () => void = () => undefined;
    outcomes = [() => new Promise(resolve => (finish = resolve))];
    add();
    await jest.advanceTimersByTimeAsync(0);
    pending = true;
    const closed = behind.close();
    await settle();
    expect(written.length).toBe(1);
    finish();
    await closed;
    expect(written.length).toBe(2);
    add();
    await jest.advanceTimersByTimeAsync(1_000);
    expect(written.length).toBe(2);
  });

  it('does not wait at the end for a database that hangs', async () => {
    outcomes = [() => new Promise(() => undefined)];
    add();
    await jest.advanceTimersByTimeAsync(0);
    const closed = behind.close();
    await jest.advanceTimersByTimeAsync(5_000);
    await closed;
  });
});

describe('contexts', () => {
  const vmId = randomUUID();
  let rows: DmmContextEntity[];
  let failure: Error | undefined;
  let refused: string[];
  let writer: ContextWriter;
  beforeEach(() => {
    [rows, failure, refused] = [[], undefined, []];
    writer = new ContextWriter({
      repository: {
        save: async row => {
          if (failure) throw failure;
          rows.push(row);
        },
      },
      onFailure: () => undefined,
      onRefused: (device, id, thrown) => refused.push(`${device} ${id} ${(thrown as Error).message}`),
    });
  });
  const put = (epoch: number, mark: number, more: { vmId?: string; context?: string } = {}) =>
    writer.put({
      ...{ device: 'alpha/eth0', model: 'ne2000', forced: mark === 3, savedAt: new Date(mark) },
      saved: { vmId, epoch, ...savedContext({ CURR: mark }), ...more },
    });
  const marks = () =>
    rows.map(({ context }) => (deserialize(context) as { registers: { CURR: number } }).registers.CURR);

  it('are written with what the model knows; of one guest about one a second, the latest', async () => {
    put(1, 1);
    await jest.advanceTimersByTimeAsync(0);
    put(1, 2);
    put(1, 3);
    await jest.advanceTimersByTimeAsync(999);
    expect(marks()).toEqual([1]);
    await jest.advanceTimersByTimeAsync(1);
    expect(marks()).toEqual([1, 3]);
    const { context: _, ...columns } = rows[1]!;
    expect(columns).toEqual({
      ...{ device: 'alpha/eth0', vmId, epoch: 1, forced: true, savedAt: new Date(3) },
      state: { tbcr: 0, pstart: 0, pstop: 0, dcr: 0 },
    });
    expect(writer.waiting).toBe(0);
  });

  it('of an older epoch do not replace one of a newer that waits', async () => {
    put(2, 1);
    put(1, 2);
    await jest.advanceTimersByTimeAsync(0);
    expect(marks()).toEqual([1]);
  });

  it('wait for a database that is away', async () => {
    failure = away;
    put(1, 1);
    put(1, 2, { vmId: randomUUID() });
    await jest.advanceTimersByTimeAsync(5_000);
    expect([writer.waiting, refused]).toEqual([2, []]);
    failure = undefined;
    await jest.advanceTimersByTimeAsync(1_000);
    expect([writer.waiting, marks()]).toEqual([0, [1, 2]]);
  });

  it('that are none are not written, nor what the database does not want, and the others are', async () => {
    const [other, evil] = [randomUUID(), randomUUID()];
    const base64 = (value: unknown) => serialize(value).toString('base64');
    put(1, 1, { vmId: evil, context: 'no v8' });
    put(1, 1, { vmId: other, context: base64({ model: 'ne2000', version: 1, registers: {} }) });
    put(1, 2);
    await jest.advanceTimersByTimeAsync(0);
    expect([marks(), writer.waiting, refused.length]).toEqual([[2], 0, 2]);
    failure = new Error('violates a foreign key');
    put(1, 3);
    await jest.advanceTimersByTimeAsync(1_000);
    expect(refused[2]).toBe(`alpha/eth0 ${vmId} violates a foreign key`);
    expect(writer.waiting).toBe(0);
  });

  it('are written at the end, without a wait', async () => {
    put(1, 1);
    await jest.advanceTimersByTimeAsync(0);
    put(1, 2);
    await writer.close();
    expect(marks()).toEqual([1, 2]);
  });
});

describe('violations', () => {
  let rows: NewDmmViolation[];
  let failure: (() => Error | undefined) | undefined;
  let lost: number;
  let failures: string[];
  let writer: ViolationWriter;
  beforeEach(() => {
    [rows, failure, lost, failures] = [[], undefined, 0, []];
    writer = new ViolationWriter({
      repository: {
        insert: async violations => {
          const thrown = failure?.();
          if (thrown) throw thrown;
          rows.push(...violations);
        },
      },
      onFailure: ({ message }) => failures.push(message),
      onLost: (_, count) => (lost += count),
    });
  });
  const put = (length: number, more: Partial<NewDmmViolation> = {}) =>
    writer.put({
      ...{ id: randomUUID(), device: 'alpha/eth0', vmId: randomUUID(), register: 'TSAD0' },
      ...{ direction: 'read', address: 1, length, action: 'deny', at: new Date() },
      ...more,
    });

  it('are written together', async () => {
    for (let n = 0; n < 5; n++) put(n);
    put(5, { device: 'beta/eth0', register: `\0<${'x'.repeat(1_000)}` });
    await jest.advanceTimersByTimeAsync(0);
    expect(rows.map(({ length }) => length)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(rows[5]!.register).toBe(`?<${'x'.repeat(62)}`);
  });

  it('wait for a database that is away, the latest thousand of a device', async () => {
    failure = () => away;
    for (let n = 0; n < 600; n++) put(n);
    await jest.advanceTimersByTimeAsync(250);
    for (let n = 600; n < 1_205; n++) put(n);
    await jest.advanceTimersByTimeAsync(250);
    failure = undefined;
    await jest.advanceTimersByTimeAsync(250);
    expect([rows.length, rows[0]!.length, rows.at(-1)!.length, lost]).toEqual([1_000, 205, 1_204, 205]);
  });

  it('that came while the database failed are not more than a thousand either', async () => {
    failure = () => {
      failure = undefined;
      for (let n = 0; n < 700; n++) put(n);
      return away;
    };
    for (let n = 0; n < 700; n++) put(n);
    await jest.advanceTimersByTimeAsync(500);
    expect([rows.length, lost]).toEqual([1_000, 400]);
  });

  it('that the database does not want are given up, those of other devices are not', async () => {
    failure = () => {
      failure = undefined;
      return new Error('check constraint');
    };
    put(1);
    put(2, { device: 'beta/eth0' });
    await jest.advanceTimersByTimeAsync(0);
    expect([rows.map(({ length }) => length), lost, failures]).toEqual([[2], 1, ['check constraint']]);
  });
});

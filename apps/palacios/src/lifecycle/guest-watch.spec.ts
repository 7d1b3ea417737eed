import { FakeMachine } from './fake-host.fixture';
import { GuestWatch } from './guest-watch';

describe('the watch over a guest', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  const setUp = (expected: number) => {
    const seen: object[] = [];
    const watch = new GuestWatch(change => void seen.push(change));
    const machine = new FakeMachine('template');
    const asked = jest.spyOn(machine, 'addresses');
    watch.follow(machine, expected);
    return { seen, watch, machine, asked };
  };

  it('tells when the agent answers, and again when the addresses change', async () => {
    const { seen, machine } = setUp(1);
    machine.answer = undefined;
    await jest.advanceTimersByTimeAsync(200);
    expect(seen).toEqual([{ agent: false }]);
    machine.answer = [[]];
    await jest.advanceTimersByTimeAsync(1_000);
    machine.answer = [['10.0.0.1/24']];
    await jest.advanceTimersByTimeAsync(2_000);
    expect(seen).toEqual([
      { agent: false },
      { agent: true, ips: [[]] },
      { agent: true, ips: [['10.0.0.1/24']] },
    ]);
  });

  it('asks seldom once all addresses are there, and notices when the agent goes', async () => {
    const { seen, machine, asked } = setUp(1);
    await jest.advanceTimersByTimeAsync(50_000);
    expect(asked).toHaveBeenCalledTimes(1);
    machine.answer = undefined;
    await jest.advanceTimersByTimeAsync(20_000);
    expect(seen).toEqual([{ agent: true, ips: [['10.0.0.1/24']] }, { agent: false }]);
  });

  it('leaves a guest without an agent in peace', async () => {
    const { machine, asked } = setUp(0);
    machine.answer = undefined;
    await jest.advanceTimersByTimeAsync(3_600_000);
    expect(asked.mock.calls.length).toBeLessThan(90);
  });

  it('says nothing of a machine that it no longer follows', async () => {
    const { seen, watch, machine } = setUp(1);
    let answer: (ips: string[][]) => void = () => undefined;
    jest.spyOn(machine, 'addresses').mockReturnValue(new Promise(resolve => (answer = resolve)));
    await jest.advanceTimersByTimeAsync(200);
    watch.leave();
    answer([['10.0.0.9/24']]);
    await jest.advanceTimersByTimeAsync(10_000);
    expect(seen).toEqual([]);
  });
});

import { COST_BOUNDS_US, Exit, ExitAccount } from './exit-account';

it('counts each exit and takes the time of some: all of the first, then one of 16', () => {
  const account = new ExitAccount();
  for (let n = 0; n < 64 + 160; n++) account.end(Exit.cpuid, account.begin(Exit.cpuid));
  const { cpuid, timer } = account.tallies();
  expect([cpuid.count, cpuid.sampled]).toEqual([224, 74]);
  expect(cpuid.histogram.reduce((a, b) => a + b, 0)).toBe(74);
  expect(timer).toEqual({
    count: 0,
    sampled: 0,
    sampledMicros: 0,
    histogram: new Array(COST_BOUNDS_US.length + 1).fill(0),
  });
});

it('puts a cost into its bucket, and what is beyond all into the last', () => {
  const account = new ExitAccount();
  const clock = jest.spyOn(performance, 'now');
  for (const micros of [0.4, 3, 1e6]) {
    clock.mockReturnValueOnce(1000).mockReturnValueOnce(1000 + micros / 1000);
    account.end(Exit.timer, account.begin(Exit.timer));
  }
  clock.mockRestore();
  const { sampledMicros, histogram } = account.tallies().timer;
  expect(sampledMicros).toBeCloseTo(1_000_003.4);
  expect(histogram).toEqual([1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1]);
});

it('tells who watches a kind, until they do not any more', () => {
  const account = new ExitAccount();
  const seen: string[] = [];
  const end = account.watch('io-out', kind => void seen.push(kind));
  account.begin(Exit['io-out']);
  account.begin(Exit['io-in']);
  end();
  account.begin(Exit['io-out']);
  expect(seen).toEqual(['io-out']);
});

import { AirtimeQueue } from './airtime-queue';

it('shares airtime, not frames', () => {
  const queue = new AirtimeQueue<string, { party: string; airtime: number }>();
  const cost = { slow: 5_000, fast: 300 };
  const used = { slow: 0, fast: 0 };
  for (const party of ['slow', 'fast'] as const) {
    for (let i = 0; i < 1_000; i++) queue.push(party, { party, airtime: cost[party] });
  }
  for (let i = 0; i < 1_000; i++) {
    const { party, airtime } = queue.next()!;
    queue.charge(party, airtime);
    used[party as 'slow' | 'fast'] += airtime;
  }
  expect(used.slow / used.fast).toBeGreaterThan(0.95);
  expect(used.slow / used.fast).toBeLessThan(1.05);
});

it('does not forgive a debt when a queue runs empty for a moment', () => {
  const queue = new AirtimeQueue<string, string>();
  const sent: string[] = [];
  for (let i = 0; i < 1_000; i++) {
    queue.push('greedy', 'greedy');
    for (let j = 0; j < 2; j++) queue.push('steady', 'steady');
    for (let j = 0; j < 2; j++) {
      const party = queue.next()!;
      sent.push(party);
      queue.charge(party, party === 'greedy' ? 10_000 : 1_000);
    }
  }
  const greedy = sent.filter(party => party === 'greedy').length;
  expect(greedy).toBeLessThan(sent.length * 0.12);
});

it('keeps the order of each party, and gives out all of one', () => {
  const queue = new AirtimeQueue<string, number>();
  for (const item of [1, 2, 3]) queue.push('a', item);
  queue.push('b', 9);
  expect(queue.of('a')).toEqual([1, 2, 3]);
  expect(queue.remove('a')).toEqual([1, 2, 3]);
  expect([queue.size, queue.next(), queue.next(), queue.size]).toEqual([1, 9, undefined, 0]);
});

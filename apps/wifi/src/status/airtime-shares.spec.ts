import { AirtimeShares } from './airtime-shares';

it('says what share of the last ten seconds an account had', () => {
  const clock = { now: 0 };
  const totals = new Map([['a', 0]]);
  const shares = new AirtimeShares(
    () => new Map(totals),
    () => clock.now,
  );
  shares.sample();
  for (let second = 1; second <= 30; second++) {
    clock.now = second * 1_000;
    // A quarter of the medium for twenty seconds, then nothing.
    if (second <= 20) totals.set('a', totals.get('a')! + 250_000);
    shares.sample();
    const use = shares.use('a', totals.get('a')!);
    if (second <= 20) expect(use.share).toBeCloseTo(0.25);
    if (second === 25) expect(use.share).toBeCloseTo(0.125);
  }
  expect(shares.use('a', totals.get('a')!)).toEqual({ airtimeUs: 5_000_000, share: 0 });
  expect(shares.use('new', 1_000_000).share).toBeCloseTo(0.1);
});

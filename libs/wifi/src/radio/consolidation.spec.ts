import { consolidatedPower, consolidatedSleep, slices } from './consolidation';

it('is awake while one vMAC is', () => {
  expect([[], [true], [true, false], [true, true]].map(consolidatedSleep)).toEqual([
    false,
    true,
    false,
    true,
  ]);
});

it('sends with what the one needs that needs most, and never with more than it has', () => {
  expect(consolidatedPower(20, [])).toBe(20);
  expect(consolidatedPower(20, [5, 12])).toBe(12);
  expect(consolidatedPower(20, [5, undefined])).toBe(20);
  expect(consolidatedPower(20, [30])).toBe(20);
});

it('deals the time by those who are active, and most of it to an access point', () => {
  const share = (active: number, accessPoint = false) => ({ active, accessPoint });
  expect(slices([share(0), share(1)], 30)).toEqual([30, 30]);
  expect(slices([share(3), share(1)], 30)).toEqual([45, 15]);
  expect(slices([share(1, true), share(2), share(0)], 30)).toEqual([67.5, 15, 7.5]);
});

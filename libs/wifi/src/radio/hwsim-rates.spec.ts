import { hwsimRateFlags } from '@v3vee/wire';
import { toAir, toIndex, usedRates } from './hwsim-rates';

it('knows the indices of both bands', () => {
  const rates = [
    { index: 0, count: 2 },
    { index: 7, count: 1 },
    { index: 11, count: 1 },
  ];
  expect(toAir(rates, 2412).map(({ rate }) => rate)).toEqual([10, 180, 540]);
  // 5 GHz has eight; what is none is the lowest.
  expect(toAir(rates, 5180)).toEqual([
    { rate: 60, tries: 2 },
    { rate: 540, tries: 1 },
    { rate: 60, tries: 1 },
  ]);
  expect([toIndex(540, 2412), toIndex(540, 5180), toIndex(10, 2412), toIndex(10, 5180)]).toEqual([
    11, 7, 0, 0,
  ]);
});

it('takes HT and VHT for the legacy rate of the same modulation', () => {
  const { MCS, VHT_MCS } = hwsimRateFlags;
  const ofMcs = (index: number, flags: number) => toAir([{ index, count: 1, flags }], 2412)[0]!.rate;
  expect([0, 1, 4, 7, 15].map(index => ofMcs(index, MCS))).toEqual([60, 120, 360, 540, 540]);
  expect([0x13, 9].map(index => ofMcs(index, VHT_MCS))).toEqual([240, 540]);
});

it('answers with the attempts that were made', () => {
  const table = [
    { index: 7, count: 2 },
    { index: 4, count: 3 },
    { index: 0, count: 4 },
  ];
  expect(usedRates(table, 1)).toEqual([{ index: 7, count: 1 }]);
  expect(usedRates(table, 4)).toEqual([
    { index: 7, count: 2 },
    { index: 4, count: 2 },
  ]);
  expect(usedRates(table, 0)).toEqual([{ index: 7, count: 1 }]);
  expect(usedRates([], 3)).toEqual([{ index: 0, count: 1 }]);
});

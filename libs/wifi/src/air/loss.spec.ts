import { frameLoss } from './loss';
import { DSSS_RATES, OFDM_RATES } from './rates';

it('loses a tenth of 1000-byte frames at the threshold of a rate', () => {
  expect(frameLoss(540, 21, 1_000)).toBeCloseTo(0.1, 3);
  expect(frameLoss(60, 4, 1_000)).toBeCloseTo(0.1, 3);
  expect(frameLoss(10, 0, 1_000)).toBeCloseTo(0.1, 3);
});

it('falls from all to nothing within a few dB', () => {
  expect(frameLoss(540, 17, 1_536)).toBeGreaterThan(0.999);
  expect(frameLoss(540, 23, 1_536)).toBeLessThan(0.01);
  expect(frameLoss(540, 50, 1_536)).toBeLessThan(1e-9);
  expect(frameLoss(540, -40, 100)).toBe(1);
});

it('loses longer frames and, of one modulation, faster ones first', () => {
  expect(frameLoss(540, 21, 100)).toBeLessThan(frameLoss(540, 21, 1_536));
  for (const rates of [DSSS_RATES, OFDM_RATES]) {
    for (let snr = 0; snr < 25; snr++) {
      const losses = rates.map(rate => frameLoss(rate, snr, 500));
      expect(losses).toEqual([...losses].sort((a, b) => a - b));
    }
  }
});

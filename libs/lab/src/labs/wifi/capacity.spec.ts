import { capacity } from './capacity';

it('is what one works out by hand for 54 Mbit/s', () => {
  // DIFS 28, mean backoff 67.5, frame of 1536 bytes 254, SIFS and acknowledgement 44 µs.
  expect(capacity(6, { isProtected: false }).udp).toBeCloseTo((1472 * 8) / 393.5);
  // An acknowledgement of TCP is a frame of 88 bytes: 42 µs.
  expect(capacity(6, { isProtected: false }).tcp).toBeCloseTo((2 * 1448 * 8) / (2 * 393.5 + 181.5));
});

it('is a little less for what is encrypted', () => {
  const open = capacity(6, { isProtected: false });
  const secret = capacity(6, { isProtected: true });
  expect(secret.udp / open.udp).toBeGreaterThan(0.97);
  expect(secret.udp).toBeLessThan(open.udp);
});

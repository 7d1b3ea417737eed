import { fromSparse, toSparse } from './sparse';

/** A linear congruential generator (Numerical Recipes): the same for the same seed. */
const random = (seed: number) => () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32;

it.each([1, 2, 3, 4, 5, 6, 7, 8])('gives back what it took, without zero pages (seed %d)', seed => {
  const draw = random(seed);
  const bytes = new Uint8Array(Math.floor(draw() * 40 * 4096));
  const touched = new Set<number>();
  for (let i = 0; i < 10; i++) {
    const at = Math.floor(draw() * bytes.length);
    bytes[at] = 1 + Math.floor(draw() * 255);
    touched.add(at >> 12);
  }
  const sparse = toSparse(bytes);
  expect(sparse.content.length).toBeLessThanOrEqual(touched.size * 4096);
  expect(Buffer.compare(fromSparse(sparse), bytes)).toBe(0);
});

it('is empty for zeros and for nothing', () => {
  for (const length of [0, 1, 4096, 10_000]) {
    const sparse = toSparse(new Uint8Array(length));
    expect(sparse).toEqual({ length, runs: [], content: new Uint8Array(0) });
    expect(fromSparse(sparse)).toEqual(new Uint8Array(length));
  }
});

it.each([
  ['an absurd length', { length: 2 ** 40 }],
  ['no length', { length: NaN }],
  ['pages before its begin', { runs: [-1, 2] }],
  ['pages beyond its end', { runs: [9, 1] }],
  ['an odd number of runs', { runs: [0] }],
  ['runs that are no numbers', { runs: ['all', 1] as unknown as number[] }],
  ['less content than its runs', { content: new Uint8Array(5) }],
])('refuses %s', (_, change) => {
  const sparse = toSparse(new Uint8Array(3 * 4096).fill(1));
  expect(() => fromSparse({ ...sparse, ...change })).toThrow(
    expect.objectContaining({ code: 'STATE_CORRUPT' }) as Error,
  );
});

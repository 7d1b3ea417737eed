import { BATCH_PAGES, PAGE_BYTES, Shadow } from './pages';

const PAGES = 300;
/** A linear congruential generator (Numerical Recipes): the same for the same seed. */
const random = (seed: number) => () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32;

/** All slices of one look, applied to what the other side has. */
function sendAll(shadow: Shadow, ram: Uint8Array, other: Uint8Array, count: number, limit: number): number[] {
  const sent: number[] = [];
  for (let from: number | null = 0; from !== null;) {
    const { batches, next } = shadow.scan(ram, from, count, limit);
    for (const { numbers, bytes } of batches) {
      expect(numbers.length).toBeLessThanOrEqual(BATCH_PAGES);
      expect(bytes.length).toBe(numbers.length * PAGE_BYTES);
      numbers.forEach((page, i) =>
        other.set(bytes.subarray(i * PAGE_BYTES, (i + 1) * PAGE_BYTES), page * PAGE_BYTES),
      );
      sent.push(...numbers);
    }
    from = next;
  }
  return sent;
}

it.each([1, 2, 3, 4, 5])('sends what changed and nothing else, whatever the slices (seed %d)', seed => {
  const draw = random(seed);
  const base = new Uint8Array(PAGES * PAGE_BYTES);
  for (let i = 0; i < 40; i++) base[Math.floor(draw() * base.length)] = 1 + Math.floor(draw() * 255);
  const ram = base.slice();
  const other = base.slice();
  const shadow = new Shadow(ram.length, base);
  for (let round = 0; round < 6; round++) {
    const before = ram.slice();
    for (let i = 0; i < 50; i++) {
      const at = Math.floor(draw() * ram.length);
      ram[at] = Math.floor(draw() * 256);
      // Some pages change and change back.
      if (draw() < 0.2) ram[at] = before[at]!;
    }
    const expected: number[] = [];
    for (let page = 0; page < PAGES; page++) {
      const part = (of: Uint8Array) => Buffer.from(of.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES));
      if (!part(ram).equals(part(other))) expected.push(page);
    }
    expect(sendAll(shadow, ram, other, 1 + Math.floor(draw() * PAGES), 1 + Math.floor(draw() * 100))).toEqual(
      expected,
    );
    expect(Buffer.compare(other, ram)).toBe(0);
  }
});

it('sends a page again that changed back after it was sent', () => {
  const base = new Uint8Array(PAGES * PAGE_BYTES).fill(3);
  const ram = base.slice();
  const shadow = new Shadow(ram.length, base);
  const look = () => sendAll(shadow, ram, base.slice(), PAGES, PAGES);
  ram[70 * PAGE_BYTES] = 4;
  expect(look()).toEqual([70]);
  expect(look()).toEqual([]);
  ram[70 * PAGE_BYTES] = 3;
  expect(look()).toEqual([70]);
});

it('leaves the base alone, and holds only what differs from it', () => {
  const base = new Uint8Array(PAGES * PAGE_BYTES).fill(3);
  const ram = base.slice();
  const shadow = new Shadow(ram.length, base);
  expect(shadow.ownBytes).toBe(0);
  for (const page of [0, 1, 63, 299]) ram[page * PAGE_BYTES] = 4;
  expect(sendAll(shadow, ram, base.slice(), PAGES, PAGES)).toEqual([0, 1, 63, 299]);
  expect(base.every(byte => byte === 3)).toBe(true);
  expect(shadow.ownBytes).toBe(2 * (256 << 10));
});

it('begins from zeros where the other side holds nothing', () => {
  const ram = new Uint8Array(PAGES * PAGE_BYTES);
  ram[5 * PAGE_BYTES] = 1;
  ram[ram.length - 1] = 1;
  expect(sendAll(new Shadow(ram.length), ram, ram.slice(), PAGES, PAGES)).toEqual([5, PAGES - 1]);
});

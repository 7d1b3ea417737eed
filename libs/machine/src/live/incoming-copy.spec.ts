import type { PageBatch } from '../worker/live/pages';
import type { MachineHead } from '../state/machine-state';
import { CheckedCopy } from './incoming-copy';

const PAGES = 100;
const batch = (numbers: number[], length = numbers.length * 4096): PageBatch => ({
  numbers: Uint32Array.from(numbers),
  bytes: new Uint8Array(length),
});

function target() {
  const written: PageBatch[] = [];
  const copy = new CheckedCopy(PAGES, {
    write: async pages => void written.push(pages),
    finish: async () => undefined,
  });
  return { copy, written };
}

it.each<[string, unknown]>([
  ['without pages', batch([])],
  ['of too many pages', batch(Array<number>(65).fill(0))],
  ['with a page beyond memory', batch([0, PAGES])],
  ['with a page far beyond memory', batch([0xffff_ffff])],
  ['with too few bytes', batch([0], 4095)],
  ['with too many bytes', batch([0], 4097)],
  ['with numbers that are no u32', { numbers: [-1], bytes: new Uint8Array(4096) }],
  ['with bytes that are none', { numbers: Uint32Array.of(0), bytes: 'x'.repeat(4096) }],
  ['that is empty', {}],
  ['that is nothing', null],
])('refuses a batch %s', async (_, bad) => {
  const { copy, written } = target();
  await expect(copy.write(bad as PageBatch)).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
  expect(written).toEqual([]);
});

it.each<[unknown]>([[null], [{}], [{ devices: 'some' }]])('refuses %j as a head', async bad => {
  await expect(target().copy.finish(bad as MachineHead)).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
});

it('takes over an array of its own, and copies a part of another', async () => {
  const { copy, written } = target();
  const whole = batch([1]);
  const pool = new Uint8Array(3 * 4096).fill(9);
  await copy.write(whole);
  await copy.write({ numbers: Uint32Array.of(2), bytes: pool.subarray(4096, 8192) });
  expect(written[0]!.bytes).toBe(whole.bytes);
  expect(written[1]!.bytes.buffer).not.toBe(pool.buffer);
  expect(written[1]!.bytes).toEqual(pool.subarray(4096, 8192));
});

import { createHash } from 'node:crypto';
import { Guests, sh } from './testing/guests.fixture';

let guests: Guests;
beforeAll(async () => {
  guests = await Guests.prepare();
});
afterEach(() => guests.stop());

it('finds, reads, hashes and changes what a real guest has in memory', async () => {
  const guest = await guests.start(0);
  const mark = 'the quick brown fox 7b19';
  await sh(guest, `echo '${mark}' > /tmp/mark`);
  const places = await guest.memory.search(Buffer.from(mark), { limit: 1000 });
  expect(places.length).toBeGreaterThan(0);
  expect(Buffer.from(await guest.memory.read(places[0]!, mark.length)).toString()).toBe(mark);
  // All of them: one is the file's page.
  for (const at of places) await guest.memory.write(at, Buffer.from('the quick green'));
  expect(await sh(guest, 'cat /tmp/mark')).toBe('the quick green fox 7b19');
  await guest.pause();
  const { memory } = await guest.save();
  expect(await guest.memory.hash()).toBe(createHash('sha256').update(memory).digest('hex'));
});

it('a copy that is under way has what was written from outside', async () => {
  const guest = await guests.start(0);
  const copy = await guest.copyOut();
  const at = 0x90000;
  await guest.memory.write(at, Buffer.from('written'));
  await copy.stop();
  const { changes, base } = await guest.capture();
  expect(base).toBeUndefined();
  const page = changes.get(at / 4096)!;
  expect(Buffer.from(page.subarray(0, 7)).toString()).toBe('written');
});

it.each<[string, (memory: Awaited<ReturnType<Guests['create']>>['memory']) => Promise<unknown>]>([
  ['beyond RAM', memory => memory.read(64 << 20, 1)],
  ['across its end', memory => memory.write((64 << 20) - 2, new Uint8Array(4))],
  ['before it', memory => memory.hash(-4096, 4096)],
  ['too much', memory => memory.read(0, (256 << 10) + 1)],
  ['nothing', memory => memory.read(0, 0)],
  ['no pattern', memory => memory.search(new Uint8Array(0))],
])('refuses %s', async (_, access) => {
  const guest = await guests.create(0);
  await expect(access(guest.memory)).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
});

import { CoreWord } from './core-word';

it('a core is taken for a bounded time, and granted at once', () => {
  const word = new CoreWord();
  const thread = new CoreWord(word.buffer);
  expect(thread.heldMs).toBe(0);
  word.take(60_000);
  expect(thread.heldMs).toBeGreaterThan(50_000);
  word.take(-1);
  expect(thread.heldMs).toBe(0);
  word.take(60_000);
  word.grant();
  expect(thread.heldMs).toBe(0);
});

it('what changes is to be told only while the core is shared', () => {
  const word = new CoreWord();
  const thread = new CoreWord(word.buffer);
  expect([word.state, thread.enter('RUNNING'), word.state]).toEqual(['STOPPED', false, 'RUNNING']);
  word.isShared = true;
  expect([thread.enter('RUNNING'), thread.enter('INTERRUPTIBLE'), word.state]).toEqual([
    false,
    true,
    'INTERRUPTIBLE',
  ]);
});

it('adds up what was used', () => {
  const word = new CoreWord();
  for (const ms of [1.5, 2.25]) new CoreWord(word.buffer).used(ms);
  expect(word.usedMs).toBe(3.75);
});

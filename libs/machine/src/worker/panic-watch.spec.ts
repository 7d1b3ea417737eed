import { PanicWatch } from './panic-watch';

it('finds the first panic message, also when it comes in pieces', () => {
  const watch = new PanicWatch();
  const text =
    'boot\r\n[   12.5] Kernel panic - not syncing: Attempted to kill init! exitcode=0x9\r\nmore\r\n';
  for (const char of text) watch.look(Buffer.from(char));
  expect(watch.found).toBe('kernel panic: Attempted to kill init! exitcode=0x9');
});

it('is not impressed by endless lines', () => {
  const watch = new PanicWatch();
  for (let i = 0; i < 1000; i++) watch.look(Buffer.alloc(4096, 0x61));
  expect(watch.found).toBeUndefined();
});

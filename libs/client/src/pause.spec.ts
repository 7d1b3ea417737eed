import { pause } from './pause';

it('ends with the reason of whoever ends it, not with an AbortError', async () => {
  const leave = new AbortController();
  const reason = new Error('Ctrl-C');
  const paused = pause(3_600_000, leave.signal);
  leave.abort(reason);
  await expect(paused).rejects.toBe(reason);
  await expect(pause(3_600_000, leave.signal)).rejects.toBe(reason);
});

it('passes', async () => {
  await expect(pause(1, undefined)).resolves.toBeUndefined();
});

import { Worker } from 'node:worker_threads';
import { withWait } from './run-queue-wait';

it('tells which share of its time the busiest thread had to wait for a core of this machine', async () => {
  const { value, waitShare } = await withWait(process.pid, async () => {
    const spin =
      'const end = Date.now() + 300; while (Date.now() < end); require("worker_threads").parentPort.postMessage(1)';
    const worker = new Worker(spin, { eval: true });
    return new Promise(done => worker.once('message', done));
  });
  expect(value).toBe(1);
  expect(waitShare).toBeGreaterThanOrEqual(0);
  expect(waitShare).toBeLessThan(1);
});

import { Worker } from 'node:worker_threads';
import { Gate } from './gate';

it('a gate holds a thread until it is granted, and tells what it used', async () => {
  const gate = new Gate();
  const worker = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads');
     const word = new Int32Array(workerData, 0, 1);
     parentPort.postMessage('there');
     while (Atomics.load(word, 0) === 0) Atomics.wait(word, 0, 0);
     Atomics.add(new BigInt64Array(workerData, 8, 1), 0, 1500000n);`,
    { eval: true, workerData: gate.buffer },
  );
  await new Promise(resolve => worker.once('message', resolve));
  expect([gate.isOpen, gate.usedMs]).toEqual([false, 0]);
  const ended = new Promise(resolve => worker.once('exit', resolve));
  gate.grant();
  expect(await ended).toBe(0);
  expect([gate.isOpen, gate.usedMs]).toEqual([true, 1.5]);
  gate.take();
  expect(gate.isOpen).toBe(false);
});

import { parentPort, workerData } from 'node:worker_threads';
import { startBareEngine, type BareEngineOptions } from '../engine/bare-engine';
import type { ToBareWorker } from './bare-guest';
import { SerialBuffer } from './serial-buffer';

/** Entry of the thread of a {@link BareGuest}: serial bytes and frames in and out, nothing else. */
const port = parentPort!;
const serial = new SerialBuffer(data => port.postMessage(data));
let scheduled = false;

const { network, ...options } = workerData as Omit<BareEngineOptions, 'onSerial' | 'onFrame'> & {
  network: boolean;
};

startBareEngine({
  ...options,
  ...(network ? { onFrame: frame => port.postMessage({ frame }, [frame.buffer]) } : {}),
  onSerial: byte => {
    serial.push(byte);
    if (scheduled) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      serial.flush();
    });
  },
}).then(
  engine =>
    port.on('message', async (message: ToBareWorker) => {
      if (message === 'stop') {
        await engine.stop();
        port.postMessage('stopped');
      } else if (message === 'run') engine.run();
      else if ('frame' in message) engine.receive(message.frame);
      else engine.type(message);
    }),
  error => {
    throw error;
  },
);

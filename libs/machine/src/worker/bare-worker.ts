import { parentPort, workerData } from 'node:worker_threads';
import { startBareEngine, type BareEngineOptions } from '../engine/bare-engine';
import { SerialBuffer } from './serial-buffer';

/** Entry of the thread of a {@link BareGuest}: serial bytes in and out, nothing else. */
const port = parentPort!;
const serial = new SerialBuffer(data => port.postMessage(data));
let scheduled = false;

startBareEngine({
  ...(workerData as Omit<BareEngineOptions, 'onSerial'>),
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
    port.on('message', async (message: Uint8Array | 'stop' | 'run') => {
      if (message === 'stop') {
        await engine.stop();
        port.postMessage('stopped');
      } else if (message === 'run') engine.run();
      else engine.type(message);
    }),
  error => {
    throw error;
  },
);

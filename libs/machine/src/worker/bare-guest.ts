import { resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { BootImage } from '../engine/direct-boot';
import { engineModule } from '../engine/module';
import type { Firmware } from './protocol';

/** A guest on the engine as it comes, without anything of Palacios: what the lab `palacios` compares with. */
export class BareGuest {
  private constructor(private readonly worker: Worker) {}

  /** Boots the image; the callback gets what it prints on its serial port. */
  static async boot(
    options: { memoryMiB: number; firmware: Firmware; image: BootImage },
    onConsole: (data: Uint8Array) => void,
  ): Promise<BareGuest> {
    const worker = new Worker(resolve(__dirname, '../../dist/worker/bare-worker.js'), {
      workerData: { ...options, module: await engineModule() },
    });
    worker.on('message', (message: Uint8Array | 'stopped') => message !== 'stopped' && onConsole(message));
    return new BareGuest(worker);
  }

  writeConsole(text: string): void {
    this.worker.postMessage(new TextEncoder().encode(text));
  }

  async pause(): Promise<void> {
    const stopped = once(this.worker, 'message', message => message === 'stopped');
    this.worker.postMessage('stop');
    await stopped;
  }

  async run(): Promise<void> {
    this.worker.postMessage('run');
  }

  async terminate(): Promise<void> {
    await this.worker.terminate();
  }
}

/** Resolves at the first event that the condition holds for. */
function once(worker: Worker, event: string, condition: (value: unknown) => boolean): Promise<void> {
  return new Promise(done => {
    const listener = (value: unknown) => {
      if (!condition(value)) return;
      worker.off(event, listener);
      done();
    };
    worker.on(event, listener);
  });
}

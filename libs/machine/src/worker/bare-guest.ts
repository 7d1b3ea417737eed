import { resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { BootImage } from '../engine/direct-boot';
import { bareEngineModule } from '../engine/module';
import type { Firmware } from './protocol';

/** Serial output, a frame that the guest sent, or the word that it stands still. */
export type FromBareWorker = Uint8Array | { frame: Uint8Array } | 'stopped';
export type ToBareWorker = Uint8Array | { frame: Uint8Array } | 'stop' | 'run';

/** A guest on the engine as it comes, without anything of Palacios: what the labs compare with. */
export class BareGuest {
  private constructor(private readonly worker: Worker) {}

  /** Boots the image; the callback gets what it prints on its serial port. */
  static async boot(
    options: { memoryMiB: number; firmware: Firmware; image: BootImage },
    onConsole: (data: Uint8Array) => void,
    /** Takes the Ethernet frames that the guest sends; with it, the guest has the engine's own virtio network card. */
    onFrame?: (frame: Uint8Array) => void,
  ): Promise<BareGuest> {
    const worker = new Worker(resolve(__dirname, '../../dist/worker/bare-worker.js'), {
      workerData: { ...options, network: onFrame !== undefined, module: await bareEngineModule() },
      stdout: true,
    });
    // The engine prints complaints of its devices, into the figures of a lab.
    worker.stdout.resume();
    worker.on('message', (message: FromBareWorker) => {
      if (message === 'stopped') return;
      if ('frame' in message) onFrame?.(message.frame);
      else onConsole(message);
    });
    return new BareGuest(worker);
  }

  writeConsole(text: string): void {
    this.worker.postMessage(new TextEncoder().encode(text));
  }

  /** The frame's buffer is moved to the guest's thread. */
  sendFrame(frame: Uint8Array): void {
    this.worker.postMessage({ frame }, [frame.buffer as ArrayBuffer]);
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

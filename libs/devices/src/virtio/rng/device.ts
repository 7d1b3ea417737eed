import { DeviceFault, type DeviceState, type Metrics } from '../../platform';
import { Chain, scatter } from '../queue';
import type { VirtioDevice, VirtioHost } from '../transport/device';

const STATE_VERSION = 1;
/** The guest gets less than it asked for, which it may (virtio 1.2, section 5.4.6.1). */
const MAX_BYTES = 64 << 10;

/** A virtio entropy source (virtio 1.2, section 5.4): one queue, whose buffers it fills at once. */
export class VirtioRng implements VirtioDevice {
  readonly type = 4;
  readonly classCode = 0x100000;
  readonly features = [];
  readonly queueSizes = [64];
  readonly configSize = 0;

  private host!: VirtioHost;
  private readonly chain = new Chain();
  private readonly counters = { requests: 0, bytes: 0 };

  /** @param fill with random bytes */
  constructor(private readonly fill: (bytes: Uint8Array) => void) {}

  attach(host: VirtioHost): void {
    this.host = host;
  }

  readConfig(): number {
    return 0;
  }

  start(): void {}

  notify(): void {
    const { host, chain, counters } = this;
    const queue = host.queue(0);
    for (let pending = queue.pending(); pending > 0; pending--) {
      queue.pop(chain);
      const bytes = new Uint8Array(Math.min(chain.writableBytes, MAX_BYTES));
      this.fill(bytes);
      counters.requests++;
      counters.bytes += bytes.length;
      queue.push(chain.head, scatter(host.memory, chain, bytes));
    }
    queue.wantNotification(true);
    if (queue.publish()) host.interrupt();
  }

  reset(): void {}

  save(): DeviceState {
    return { version: STATE_VERSION };
  }

  restore(saved: unknown): void {
    const { version } = saved as Partial<DeviceState>;
    if (version === STATE_VERSION) return;
    throw new DeviceFault(
      this.host.name,
      `saved state refused: it is of version ${version}, this reads ${STATE_VERSION}`,
    );
  }

  metrics(): Metrics {
    return { ...this.counters };
  }
}

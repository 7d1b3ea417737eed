import { Listeners } from './listeners';

/** Port of qemu-guest-agent, and of the guest's configuration agent. */
export const AGENT_CHANNEL = 'org.qemu.guest_agent.0';
export const CONFIG_CHANNEL = 'org.v3vee.config.0';
/** All that a guest has. */
export const CHANNELS = [AGENT_CHANNEL, CONFIG_CHANNEL];

/** What is kept of a port's output until somebody listens. */
const MAX_UNHEARD = 64 * 1024;

/** A byte channel to a program in the guest: one named port of its virtio console. */
export class GuestChannel {
  private readonly data = new Listeners<[Uint8Array]>();
  private readonly opened = new Listeners<[boolean]>();
  private readonly ends = new Listeners<[Error]>();
  private unheard: Uint8Array[] = [];
  private open = false;

  constructor(
    readonly name: string,
    private readonly send: (data: Uint8Array) => void,
  ) {}

  /** Whether a program in the guest has the port open. */
  get isOpen(): boolean {
    return this.open;
  }

  /** Sends bytes to the guest; what it has no buffer for waits in the device, at most 1 MiB. */
  write(data: Uint8Array | string): void {
    this.send(typeof data === 'string' ? new TextEncoder().encode(data) : data);
  }

  /** @returns a function that ends it. Output from before the first listener is kept (64 KiB) and comes first. */
  onData(callback: (data: Uint8Array) => void): () => void {
    const remove = this.data.add(callback);
    for (const data of this.unheard.splice(0)) callback(data);
    return remove;
  }

  onOpen(callback: (open: boolean) => void): () => void {
    return this.opened.add(callback);
  }

  /** The guest ended: nothing will be answered any more. */
  onEnd(callback: (error: Error) => void): () => void {
    return this.ends.add(callback);
  }

  /** @internal from the guest's handle */
  end(error: Error): void {
    this.setOpen(false);
    this.ends.emit(error);
  }

  /** @internal from the guest's thread */
  received(data: Uint8Array): void {
    if (this.data.size > 0) return this.data.emit(data);
    const held = this.unheard.reduce((sum, part) => sum + part.length, 0);
    if (held + data.length <= MAX_UNHEARD) this.unheard.push(data);
  }

  /** @internal from the guest's thread */
  setOpen(open: boolean): void {
    if (this.open === open) return;
    this.open = open;
    this.opened.emit(open);
  }
}

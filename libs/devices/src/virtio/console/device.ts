import type { Metrics } from '../../platform';
import { Chain, gather, scatter } from '../queue';
import type { VirtioDevice, VirtioHost } from '../transport/device';
import { ByteQueue } from './byte-queue';
import { ControlEvent, decodeControl, encodeControl } from './control';
import { checkConsoleState, CONSOLE_STATE_VERSION, type ConsoleState } from './state';

const VIRTIO_CONSOLE_F_MULTIPORT = 1;
const CONTROL_RX = 2;
const CONTROL_TX = 3;
const PORT_QUEUE_SIZE = 64;
const CONTROL_QUEUE_SIZE = 32;
/** Host input that may wait per port: a command with its data, not a stream. */
const MAX_INPUT = 1 << 20;
/** Messages that may wait for the driver; it needs three per port. */
const MAX_CONTROL = 64;
/** Longest single write of a guest that is passed on; Linux writes pages. */
const MAX_OUTPUT = 1 << 20;

export interface ConsoleOptions {
  /** Port names, e.g. `org.qemu.guest_agent.0`; a guest's udev or init makes device nodes of them. */
  ports: readonly string[];
  /** The guest wrote to port `port`. */
  output(port: number, data: Uint8Array<ArrayBuffer>): void;
  /** A guest program opened or closed port `port`. */
  opened(port: number, open: boolean): void;
}

/**
 * A virtio console with several named ports (virtio 1.2, section 5.3), used as channels to programs in the guest.
 * Queues: receive and transmit of port 0, then the two control queues, then those of the further ports.
 */
export class VirtioConsole implements VirtioDevice {
  readonly type = 3;
  readonly classCode = 0x078000;
  readonly features = [VIRTIO_CONSOLE_F_MULTIPORT];
  readonly queueSizes: readonly number[];
  readonly configSize = 12;

  private host!: VirtioHost;
  private readonly names: readonly string[];
  private readonly open: boolean[];
  private readonly input: ByteQueue[];
  private control: Uint8Array[] = [];
  private readonly chain = new Chain();
  private readonly counters = {
    bytesIn: 0,
    bytesOut: 0,
    inputRefused: 0,
    outputDropped: 0,
    controlDropped: 0,
  };

  constructor(private readonly options: ConsoleOptions) {
    this.names = options.ports;
    this.open = options.ports.map(() => false);
    this.input = options.ports.map(() => new ByteQueue(MAX_INPUT));
    const control = [CONTROL_QUEUE_SIZE, CONTROL_QUEUE_SIZE];
    const further = options.ports.slice(1).flatMap(() => [PORT_QUEUE_SIZE, PORT_QUEUE_SIZE]);
    this.queueSizes = [PORT_QUEUE_SIZE, PORT_QUEUE_SIZE, ...control, ...further];
  }

  attach(host: VirtioHost): void {
    this.host = host;
  }

  /** `cols` u16, `rows` u16, `max_nr_ports` u32, `emerg_wr` u32 (5.3.4). */
  readConfig(offset: number): number {
    return offset === 0 ? 80 : offset === 2 ? 25 : offset === 4 ? this.names.length : 0;
  }

  start(): void {
    this.names.forEach((_, port) => this.fill(port));
    this.flushControl();
  }

  notify(index: number): void {
    if (index === CONTROL_RX) return this.flushControl();
    if (index === CONTROL_TX) return this.readControl();
    const port = index < 2 ? 0 : (index - 2) >> 1;
    if (index % 2 === 0) this.fill(port);
    else this.drain(port);
  }

  reset(): void {
    this.control = [];
    this.input.forEach(queue => queue.clear());
    this.names.forEach((_, port) => this.setOpen(port, false));
  }

  isOpen(port: number): boolean {
    return this.open[port] ?? false;
  }

  /** Sends bytes to the guest's port. False, and nothing sent, when more than 1 MiB waits already. */
  send(port: number, data: Uint8Array): boolean {
    if (!this.input[port]!.push(data)) {
      this.counters.inputRefused++;
      return false;
    }
    this.fill(port);
    return true;
  }

  private fill(port: number): void {
    const queue = this.host.queue(port === 0 ? 0 : 2 * port + 2);
    const input = this.input[port]!;
    if (!this.host.running || !queue.enabled || input.length === 0) return;
    for (let pending = queue.pending(); pending > 0 && input.length > 0; pending--) {
      queue.pop(this.chain);
      const data = input.take(this.chain.writableBytes);
      queue.push(this.chain.head, scatter(this.host.memory, this.chain, data));
      this.counters.bytesIn += data.length;
    }
    queue.wantNotification(true);
    if (queue.publish()) this.host.interrupt();
  }

  private drain(port: number): void {
    const index = port === 0 ? 1 : 2 * port + 3;
    for (const data of this.readAll(index)) {
      this.counters.bytesOut += data.length;
      this.options.output(port, data);
    }
  }

  private readAll(index: number): Uint8Array<ArrayBuffer>[] {
    const queue = this.host.queue(index);
    const read: Uint8Array<ArrayBuffer>[] = [];
    for (let pending = queue.pending(); pending > 0; pending--) {
      queue.pop(this.chain);
      if (this.chain.readableBytes <= MAX_OUTPUT) read.push(gather(this.host.memory, this.chain));
      else this.counters.outputDropped++;
      queue.push(this.chain.head, 0);
    }
    queue.wantNotification(true);
    if (queue.publish()) this.host.interrupt();
    return read;
  }

  private readControl(): void {
    for (const data of this.readAll(CONTROL_TX)) {
      const message = decodeControl(data);
      if (!message) continue;
      const name = this.names[message.port];
      if (message.event === ControlEvent.deviceReady) {
        if (message.value === 1)
          this.names.forEach((_, port) => this.announce(port, ControlEvent.deviceAdd, 0));
      } else if (name === undefined) {
        this.counters.controlDropped++;
      } else if (message.event === ControlEvent.portReady) {
        this.announce(message.port, ControlEvent.portName, 1, name);
        // the host's end is open from the start: otherwise the guest's writes would block
        this.announce(message.port, ControlEvent.portOpen, 1);
      } else if (message.event === ControlEvent.portOpen) {
        this.setOpen(message.port, message.value !== 0);
      }
    }
    this.flushControl();
  }

  private announce(port: number, event: number, value: number, name?: string): void {
    if (this.control.length >= MAX_CONTROL) this.counters.controlDropped++;
    else this.control.push(encodeControl({ port, event, value }, name));
  }

  private flushControl(): void {
    const queue = this.host.queue(CONTROL_RX);
    if (!this.host.running || !queue.enabled || this.control.length === 0) return;
    for (let pending = queue.pending(); pending > 0 && this.control.length > 0; pending--) {
      queue.pop(this.chain);
      queue.push(this.chain.head, scatter(this.host.memory, this.chain, this.control.shift()!));
    }
    queue.wantNotification(true);
    if (queue.publish()) this.host.interrupt();
  }

  private setOpen(port: number, open: boolean): void {
    if (this.open[port] === open) return;
    this.open[port] = open;
    this.options.opened(port, open);
  }

  save(): ConsoleState {
    return {
      version: CONSOLE_STATE_VERSION,
      names: [...this.names],
      open: [...this.open],
      input: this.input.map(queue => queue.toBytes()),
      control: this.control.map(message => message.slice()),
    };
  }

  restore(saved: unknown): void {
    const state = checkConsoleState(this.host.name, saved, this.names);
    this.control = state.control.slice(0, MAX_CONTROL);
    state.input.forEach((data, port) => {
      this.input[port]!.clear();
      this.input[port]!.push(data);
    });
    state.open.forEach((open, port) => this.setOpen(port, open === true));
  }

  metrics(): Metrics {
    return { ...this.counters, inputWaiting: this.input.reduce((sum, queue) => sum + queue.length, 0) };
  }
}

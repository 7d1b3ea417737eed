import { resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import { V3Error, type ErrorCode } from '@v3vee/contracts';
import type { NetSettings } from '@v3vee/devices';
import { GuestAgent } from '../agent/guest-agent';
import { ConfigClient } from '../config-channel/config-client';
import type { ExitKind } from '../engine/guest-exit';
import { engineModule } from '../engine/module';
import { wakeUp, type WakeWord } from '../engine/run-loop';
import type { YieldSettings } from '../engine/yielding';
import { capture, type CaptureSource } from '../live/capture';
import { CheckedCopy, type IncomingCopy } from '../live/incoming-copy';
import { PreCopy, type OutgoingCopy } from '../live/outgoing-copy';
import type { MachineCut, MachineState } from '../state/machine-state';
import { within } from '../timeout';
import { Arrivals } from './arrivals';
import { AGENT_CHANNEL, CHANNELS, CONFIG_CHANNEL, GuestChannel } from './channel';
import { checkOptions, requireMac, requireSettings, type GuestOptions } from './guest-options';
import { Listeners } from './listeners';
import { PAGE_BYTES } from './live/pages';
import { MemoryClient } from './memory-client';
import {
  type Command,
  type CommandResult,
  type FromWorker,
  type Telemetry,
  type ToWorker,
  type WorkerSetup,
} from './protocol';
import { buffersOf, owning, shared } from './shared';
import type { FromSharedCard, ToSharedCard } from './vpio/messages';

/** What every kernel needs on this machine: a clock that survives missed ticks, a reset after a panic. */
const MACHINE_CMDLINE = 'tsc=reliable panic=-1';
/** A parameter of Linux's module; not given, it makes two. */
const wifiCmdline = (count: number) => (count > 0 ? `mac80211_hwsim.radios=${count}` : '');

/** A guest ended by itself. */
export interface GuestEnd {
  kind: ExitKind;
  reason: string;
}

const WORKER = resolve(__dirname, '../../dist/worker/worker.js');
/** Starting a thread takes 0.2 s on a free core. */
const CREATE_TIMEOUT_MS = 60_000;
/** A thread answers between two steps of its guest, that is within milliseconds; a save copies all of RAM. */
const COMMAND_TIMEOUT_MS = 15_000;
const PAGES_PER_MIB = (1 << 20) / PAGE_BYTES;
const MAX_THROTTLE = 0.95;
/** What waits for something else than the answer of a command, which are numbered from 1. */
const READY = 0;
const SIMULATION = -1;
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 8 };

/**
 * A guest machine in a thread of its own. Made stopped and empty; then {@link boot} or {@link load}, then
 * {@link run}. What happens in the thread (a crash, a loop, memory exhausted) ends this guest, is told by
 * {@link onExit}, and hurts nobody else. A guest that ended cannot be run again: make a new one.
 */
export class Guest {
  /** Runs commands in the guest and asks it questions, if its image has qemu-guest-agent. */
  readonly agent: GuestAgent;
  /** Tells the guest who it is, if its image listens to that. */
  readonly config: ConfigClient;
  /** What it has in RAM. */
  readonly memory: MemoryClient;
  private readonly console = new Listeners<[Uint8Array]>();
  private readonly frames = new Listeners<[number, Uint8Array[]]>();
  private readonly cardFrames = new Listeners<[number, Uint8Array[]]>();
  private readonly sharedCards = new Listeners<[number, FromSharedCard]>();
  private readonly wifi = new Listeners<[Uint8Array[]]>();
  private readonly cores = new Listeners<[]>();
  private readonly exits = new Listeners<[GuestEnd]>();
  private readonly notices = new Listeners<[string]>();
  private readonly channels: GuestChannel[];
  private readonly arrivals: Arrivals;
  private readonly wake: WakeWord;
  private readonly waiting = new Map<number, { resolve(result: never): void; reject(error: Error): void }>();
  private nextId = 1;
  private end: GuestEnd | undefined;

  private constructor(
    private readonly options: GuestOptions,
    private readonly worker: Worker,
    wake: SharedArrayBuffer,
    channels: string[],
  ) {
    this.wake = new Int32Array(wake, 0, 1);
    this.arrivals = new Arrivals(wake);
    this.channels = channels.map(
      (name, port) => new GuestChannel(name, data => this.sendChannel(port, data)),
    );
    this.agent = new GuestAgent(this.channel(AGENT_CHANNEL));
    this.config = new ConfigClient(this.channel(CONFIG_CHANNEL));
    this.memory = new MemoryClient(options.memoryMiB << 20, command => this.command(command));
    worker.on('message', (message: FromWorker) => this.receive(message));
    worker.on('error', error => this.ended('worker-error', `the guest's thread failed: ${error.message}`));
    worker.on('exit', code => this.ended('worker-error', `the guest's thread ended with code ${code}`));
  }

  /** Starts the thread and builds the machine in it. */
  static async create({ nics, ...rest }: GuestOptions): Promise<Guest> {
    const options = { ...rest, nics: nics.map(nic => ({ ...nic })) };
    checkOptions(options);
    const wake = new SharedArrayBuffer(Arrivals.bytes(options.nics.length));
    const setup: WorkerSetup = {
      memoryMiB: options.memoryMiB,
      firmware: { bios: shared(options.firmware.bios), vgaBios: shared(options.firmware.vgaBios) },
      nics: options.nics,
      cards: options.cards ?? [],
      wifiCount: options.wifiCount ?? 0,
      devices: options.devices ?? [],
      deviceModules: options.deviceModules ?? [],
      yielding: options.yielding,
      channels: CHANNELS,
      lease: options.lease?.buffer,
      core: options.core?.buffer,
      module: await engineModule(),
      wake,
    };
    const worker = new Worker(WORKER, { workerData: setup, resourceLimits: RESOURCE_LIMITS, name: 'guest' });
    const guest = new Guest(options, worker, wake, CHANNELS);
    try {
      await within(guest.ready(), CREATE_TIMEOUT_MS, () => {
        return new V3Error('TIMEOUT', `the guest's thread did not start within ${CREATE_TIMEOUT_MS} ms`);
      });
      return guest;
    } catch (error) {
      await guest.terminate();
      throw error;
    }
  }

  get memoryMiB(): number {
    return this.options.memoryMiB;
  }

  /** Why the guest ended, once it did. */
  get exit(): GuestEnd | undefined {
    return this.end;
  }

  /** Prepares a cold start of the image; nothing runs before {@link run}. */
  async boot(): Promise<void> {
    const { image, wifiCount = 0, cmdlineExtra = '' } = this.options;
    const cmdline = [image.cmdline, MACHINE_CMDLINE, wifiCmdline(wifiCount), cmdlineExtra];
    await this.command({
      type: 'boot',
      image: {
        kernelFormat: image.kernelFormat,
        kernel: shared(image.kernel),
        bootHeader: shared(image.bootHeader),
        initrd: shared(image.initrd),
        cmdline: cmdline.filter(Boolean).join(' '),
      },
    });
  }

  /**
   * Puts the stopped machine into a saved state. The MACs stay those of this guest's options; clock, host name and
   * addresses inside of the guest are those of the state until its configuration channel is told others.
   * @throws V3Error STATE_INCOMPATIBLE or STATE_CORRUPT
   */
  async load(state: MachineState): Promise<void> {
    await this.becomes({ type: 'load', state: { ...state, memory: shared(state.memory) } });
  }

  /** A command that puts another guest into the machine. */
  private async becomes(command: Extract<Command, { type: 'load' | 'copy-finish' }>): Promise<void> {
    await this.command(command);
    this.agent.resync();
    this.config.reset();
  }

  async run(): Promise<void> {
    await this.command({ type: 'run' });
  }

  /**
   * Lets the paused guest run for some ms of guest time. It may be paused before they are over.
   * @returns how many it ran, when it stands still again: up to a step, about a millisecond, more
   * @throws V3Error VM_WRONG_STATE if it runs, GUEST_FAILED if it ends
   */
  async simulate(ms: number): Promise<number> {
    const over = new Promise<number>((resolve, reject) => {
      this.waiting.set(SIMULATION, { resolve, reject });
    });
    over.catch(() => undefined);
    try {
      await this.command({ type: 'simulate', ms });
      return await over;
    } finally {
      this.waiting.delete(SIMULATION);
    }
  }

  /** Stops the guest between two instructions; its time stands still. Resolves when it stopped, within milliseconds. */
  async pause(): Promise<void> {
    await this.command({ type: 'pause' });
  }

  /** The state of the paused machine. The machine stays as it is and may be run again. */
  async save(): Promise<MachineState> {
    return this.command({ type: 'save' });
  }

  /**
   * Begins to copy the machine to another one; the guest may run. A copy that was under way ends.
   * @param base RAM that the other machine holds already (its template's), which stays as it is; none: zeros
   * @throws V3Error INVALID_REQUEST if `base` is not as long as RAM
   */
  async copyOut(base?: Uint8Array<SharedArrayBuffer>): Promise<OutgoingCopy> {
    return new PreCopy(await this.beginCopy(base));
  }

  /**
   * The machine as it is at one instant, whether its guest runs or not; one that runs stands still for some milliseconds.
   * A copy that was under way ends.
   * @param base RAM from which it will hardly differ (its template's), which stays as it is; none: zeros
   * @throws V3Error INVALID_REQUEST if `base` is not as long as RAM, VM_WRONG_STATE if it is half a machine
   */
  async capture(base?: Uint8Array<SharedArrayBuffer>): Promise<MachineCut> {
    return capture(await this.beginCopy(base), base);
  }

  /**
   * Has the stopped machine, which holds the base of the copy or was just made, become another one. Until the copy is
   * finished or a state is loaded, it does not run.
   * @param base of the copy, if the machine has run since it held that: its memory goes back to it; what was translated
   *   of pages that stay as they are is kept, so that the other guest is fast from the start
   * @throws V3Error VM_WRONG_STATE if it runs, INVALID_REQUEST if `base` is not as long as RAM
   */
  async copyIn(base?: Uint8Array<SharedArrayBuffer>): Promise<IncomingCopy> {
    const copy = await this.command({ type: 'copy-in', base });
    return new CheckedCopy(this.memoryMiB * PAGES_PER_MIB, {
      write: batch => this.command({ type: 'copy-write', copy, batch }, [batch.bytes.buffer]),
      finish: head => this.becomes({ type: 'copy-finish', copy, head }),
    });
  }

  /**
   * Keeps the guest from running for a share of its time, 0 … 0.95: it changes less memory, then.
   * @throws V3Error INVALID_REQUEST
   */
  async throttle(share: number): Promise<void> {
    if (!(share >= 0 && share <= MAX_THROTTLE)) {
      throw new V3Error('INVALID_REQUEST', `a guest is throttled by 0 to ${MAX_THROTTLE}, not ${share}`);
    }
    await this.command({ type: 'throttle', share });
  }

  /** When its thread goes back to its host, from now on. */
  async setYielding(settings: YieldSettings): Promise<void> {
    await this.command({ type: 'yielding', settings });
  }

  /** Resolves when the guest's thread has taken in all that it was sent before. */
  async caughtUp(): Promise<void> {
    await this.command({ type: 'sync' });
  }

  /** Ends the thread at once, whatever it does; {@link onExit} is not called. */
  async terminate(): Promise<void> {
    this.end ??= { kind: 'worker-error', reason: 'the guest was terminated' };
    this.failWaiting();
    await this.worker.terminate();
  }

  /** Types into the serial console. */
  writeConsole(data: Uint8Array | string): void {
    this.post({ type: 'console', data: typeof data === 'string' ? new TextEncoder().encode(data) : data });
  }

  /** Output of the serial console. @returns a function that ends it */
  onConsole(callback: (data: Uint8Array) => void): () => void {
    return this.console.add(callback);
  }

  /** The channel to a program in the guest, {@link AGENT_CHANNEL} or {@link CONFIG_CHANNEL}. */
  channel(name: string): GuestChannel {
    const channel = this.channels.find(candidate => candidate.name === name);
    if (!channel) throw new V3Error('INTERNAL', `the guest has no channel ${name}`);
    return channel;
  }

  /**
   * Gives frames to a card of the guest, each `[12-byte virtio_net_hdr][Ethernet frame]`. They are taken over:
   * their buffers are moved to the guest's thread, so that the arrays must not be used afterwards, nor be passed to
   * another guest. (An array that is only a part of its buffer is copied.)
   */
  sendFrames(nic: number, frames: Uint8Array[]): void {
    if (frames.length === 0 || this.end) return;
    // with optimistic interrupts the guest is told before the frames are even copied
    const known = this.arrivals.announce(nic, frames.length);
    if (known && this.options.nics[nic]!.optimisticInterrupts) wakeUp(this.wake);
    const owned = frames.map(owning);
    this.post({ type: 'frames', nic, frames: owned }, buffersOf(owned));
  }

  /** Frames that the guest sent, as many as it gave its card in one go. @returns a function that ends it */
  onFrames(callback: (nic: number, frames: Uint8Array[]) => void): () => void {
    return this.frames.add(callback);
  }

  /** Gives plain Ethernet frames, without check sequence, to a physical card of the guest. They are copied. */
  sendCardFrames(card: number, frames: Uint8Array[]): void {
    if (frames.length > 0) this.post({ type: 'card-frames', card, frames });
  }

  /** Plain Ethernet frames that a physical card sent to its segment. @returns a function that ends it */
  onCardFrames(callback: (card: number, frames: Uint8Array[]) => void): () => void {
    return this.cardFrames.add(callback);
  }

  /** Tells a shared card of the guest something; it answers by {@link onSharedCard}. */
  tellSharedCard(card: number, message: ToSharedCard): void {
    this.post({ type: 'shared-card', card, message });
  }

  /** What the guest's shared cards tell. @returns a function that ends it */
  onSharedCard(callback: (card: number, message: FromSharedCard) => void): () => void {
    return this.sharedCards.add(callback);
  }

  /**
   * Gives the guest's Wi-Fi radios hwsim messages (`encodeReceived`, `encodeTxStatus` of `@v3vee/wire`), in order. They
   * are taken over, as those of {@link sendFrames} are.
   */
  deliverWifi(messages: Uint8Array[]): void {
    if (messages.length === 0 || this.end) return;
    const owned = messages.map(owning);
    this.post({ type: 'wifi', messages: owned }, buffersOf(owned));
  }

  /**
   * What the guest's Wi-Fi radios tell their medium, hwsim messages (`decodeHwsim`), as many as they gave in one go.
   * The uses of addresses that it says begin and cease are balanced: when the guest resets its radios or another state
   * is loaded, those that were in use cease, and those of the loaded state begin.
   * @returns a function that ends it
   */
  onWifi(callback: (messages: Uint8Array[]) => void): () => void {
    return this.wifi.add(callback);
  }

  /** Has the addresses that are in use told again by {@link onWifi}: for a medium that has forgotten this guest. */
  announceWifi(): void {
    this.post({ type: 'wifi-announce' });
  }

  setMac(nic: number, mac: string): void {
    requireMac(mac);
    this.post({ type: 'mac', nic, mac });
  }

  /** Changes what is named of a card's settings; the guest may run. @throws V3Error INVALID_REQUEST */
  setNic(nic: number, settings: NetSettings): void {
    const config = this.options.nics[nic];
    if (!config) {
      throw new V3Error('INVALID_REQUEST', `the guest has ${this.options.nics.length} NICs, none is ${nic}`);
    }
    requireSettings(settings);
    const { mode, optimisticInterrupts, spoofGuard, linkUp } = settings;
    if (optimisticInterrupts !== undefined) config.optimisticInterrupts = optimisticInterrupts;
    this.post({ type: 'nic', nic, settings: { mode, optimisticInterrupts, spoofGuard, linkUp } });
  }

  /** Has the guest tell the network where it is (gratuitous ARP), as after a migration. */
  announce(nic: number): void {
    this.post({ type: 'announce', nic });
  }

  async telemetry(): Promise<Telemetry> {
    return this.command({ type: 'telemetry' });
  }

  /** Has the guest's thread look at its `CoreWord` now. */
  coreChanged(): void {
    if (!this.end) wakeUp(this.wake);
  }

  /** Called when the guest's thread has put another state into its `CoreWord` while its core is shared. @returns a function that ends it */
  onCore(callback: () => void): () => void {
    return this.cores.add(callback);
  }

  /** What hypercalls of the guest have to say. @returns a function that ends it */
  onNotice(callback: (text: string) => void): () => void {
    return this.notices.add(callback);
  }

  /** Called once when the guest ends by itself. @returns a function that ends it */
  onExit(callback: (end: GuestEnd) => void): () => void {
    return this.exits.add(callback);
  }

  private async beginCopy(base: Uint8Array<SharedArrayBuffer> | undefined): Promise<CaptureSource> {
    const copy = await this.command({ type: 'copy-begin', base });
    return {
      memoryPages: this.memoryMiB * PAGES_PER_MIB,
      scan: request => this.command({ type: 'copy-scan', copy, ...request }),
      head: () => this.command({ type: 'copy-head', copy }),
      cut: () => this.command({ type: 'copy-cut', copy }),
      stop: () => this.command({ type: 'copy-end', copy }),
    };
  }

  private ready(): Promise<void> {
    return new Promise((resolve, reject) => this.waiting.set(READY, { resolve, reject }));
  }

  private async command<C extends Command>(
    command: C,
    transfer: ArrayBuffer[] = [],
  ): Promise<CommandResult[C['type']]> {
    if (this.end) throw this.endedError();
    const id = this.nextId++;
    const answer = new Promise<CommandResult[C['type']]>((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
    });
    this.post({ type: 'command', id, command }, transfer);
    try {
      return await within(answer, COMMAND_TIMEOUT_MS, () => {
        return new V3Error(
          'TIMEOUT',
          `the guest's thread did not ${command.type} within ${COMMAND_TIMEOUT_MS} ms`,
        );
      });
    } finally {
      this.waiting.delete(id);
    }
  }

  private post(message: ToWorker, transfer: ArrayBuffer[] = []): void {
    if (this.end) return;
    this.worker.postMessage(message, transfer);
    wakeUp(this.wake);
  }

  private sendChannel(port: number, data: Uint8Array): void {
    this.post({ type: 'channel', port, data: owning(data) });
  }

  private receive(message: FromWorker): void {
    switch (message.type) {
      case 'ready':
        this.waiting.get(READY)?.resolve(undefined as never);
        this.waiting.delete(READY);
        return;
      case 'core':
        return this.cores.emit();
      case 'failed': {
        const { code, message: text } = message.error;
        this.waiting.get(READY)?.reject(new V3Error(code as ErrorCode, text));
        return;
      }
      case 'notice':
        return this.notices.emit(message.text);
      case 'simulated':
        this.waiting.get(SIMULATION)?.resolve(message.ranMs as never);
        return;
      case 'result': {
        const waiting = this.waiting.get(message.id);
        if (message.error)
          waiting?.reject(new V3Error(message.error.code as ErrorCode, message.error.message));
        else waiting?.resolve(message.result as never);
        return;
      }
      case 'console':
        return this.console.emit(message.data);
      case 'channel':
        return this.channels[message.port]?.received(message.data);
      case 'channel-open':
        return this.channels[message.port]?.setOpen(message.open);
      case 'frames':
        return this.frames.emit(message.nic, message.frames);
      case 'card-frames':
        return this.cardFrames.emit(message.card, message.frames);
      case 'shared-card':
        return this.sharedCards.emit(message.card, message.message);
      case 'wifi':
        return this.wifi.emit(message.messages);
      case 'exit':
        return this.ended(message.kind, message.reason);
    }
  }

  private ended(kind: ExitKind, reason: string): void {
    if (this.end) return;
    this.end = { kind, reason };
    this.failWaiting();
    this.exits.emit(this.end);
  }

  private failWaiting(): void {
    for (const { reject } of this.waiting.values()) reject(this.endedError());
    this.waiting.clear();
    for (const channel of this.channels) channel.end(this.endedError());
  }

  private endedError(): V3Error {
    return new V3Error('GUEST_FAILED', this.end!.reason);
  }
}

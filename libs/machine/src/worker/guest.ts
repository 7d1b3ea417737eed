import { V3Error } from '@v3vee/contracts';
import type { NetSettings } from '@v3vee/devices';
import { GuestAgent } from '../agent/guest-agent';
import { ConfigClient } from '../config-channel/config-client';
import type { Screen } from '../engine/screen';
import { engineModule } from '../engine/module';
import type { YieldSettings } from '../engine/yielding';
import { capture, type CaptureSource } from '../live/capture';
import { CheckedCopy, type IncomingCopy } from '../live/incoming-copy';
import { PreCopy, type OutgoingCopy } from '../live/outgoing-copy';
import type { MachineCut, MachineState } from '../state/machine-state';
import { Arrivals } from './arrivals';
import { AGENT_CHANNEL, CHANNELS, CONFIG_CHANNEL, GuestChannel } from './channel';
import type { DiskLayers } from './disks';
import { checkOptions, requireMac, requireSettings, type GuestOptions } from './guest-options';
import { GuestThread, type GuestEnd, type Told } from './guest-thread';
import { Listeners } from './listeners';
import { PAGE_BYTES } from './live/pages';
import { MemoryClient } from './memory-client';
import type { Command, Telemetry } from './protocol';
import { buffersOf, owning, shared } from './shared';
import type { FromSharedCard, ToSharedCard } from './vpio/messages';

/** What every kernel needs on this machine: a clock that survives missed ticks, a reset after a panic. */
const MACHINE_CMDLINE = 'tsc=reliable panic=-1';
/** A parameter of Linux's module; not given, it makes two. */
const wifiCmdline = (count: number) => (count > 0 ? `mac80211_hwsim.radios=${count}` : '');

const PAGES_PER_MIB = (1 << 20) / PAGE_BYTES;
const MAX_THROTTLE = 0.95;
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
  private readonly stalls = new Listeners<[number, string]>();
  private readonly exits = new Listeners<[GuestEnd]>();
  private readonly notices = new Listeners<[string]>();
  private readonly channels: GuestChannel[];
  private readonly arrivals: Arrivals;
  private readonly thread: GuestThread;

  private constructor(
    private readonly options: GuestOptions,
    module: WebAssembly.Module,
  ) {
    const wake = new SharedArrayBuffer(Arrivals.bytes(options.nics.length));
    this.arrivals = new Arrivals(wake);
    this.channels = CHANNELS.map(
      (name, port) =>
        new GuestChannel(name, data => this.thread.post({ type: 'channel', port, data: owning(data) })),
    );
    this.agent = new GuestAgent(this.channel(AGENT_CHANNEL));
    this.config = new ConfigClient(this.channel(CONFIG_CHANNEL));
    this.memory = new MemoryClient(options.memoryMiB << 20, command => this.thread.command(command));
    const setup = {
      memoryMiB: options.memoryMiB,
      firmware: { bios: shared(options.firmware.bios), vgaBios: shared(options.firmware.vgaBios) },
      nics: options.nics,
      cards: options.cards ?? [],
      wifiCount: options.wifiCount ?? 0,
      devices: options.devices ?? [],
      deviceModules: options.deviceModules ?? [],
      yielding: options.yielding,
      disks: options.disks ?? [],
      channels: CHANNELS,
      lease: options.lease?.buffer,
      core: options.core?.buffer,
      module,
      wake,
    };
    this.thread = new GuestThread(setup, {
      told: message => this.told(message),
      cut: error => this.channels.forEach(channel => channel.end(error)),
      ended: end => this.exits.emit(end),
    });
  }

  /** Starts the thread and builds the machine in it. */
  static async create({ nics, ...rest }: GuestOptions): Promise<Guest> {
    const options = { ...rest, nics: nics.map(nic => ({ ...nic })) };
    checkOptions(options);
    const guest = new Guest(options, await engineModule());
    await guest.thread.ready();
    return guest;
  }

  get memoryMiB(): number {
    return this.options.memoryMiB;
  }

  /** Why the guest ended, once it did. */
  get exit(): GuestEnd | undefined {
    return this.thread.end;
  }

  /** Prepares a cold start of the image; nothing runs before {@link run}. */
  async boot(): Promise<void> {
    const { image, wifiCount = 0, cmdlineExtra = '' } = this.options;
    const cmdline = [image.cmdline, MACHINE_CMDLINE, wifiCmdline(wifiCount), cmdlineExtra];
    await this.thread.command({
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
    await this.thread.command(command);
    this.agent.resync();
    this.config.reset();
  }

  async run(): Promise<void> {
    await this.thread.command({ type: 'run' });
  }

  /**
   * Lets the paused guest run for some ms of guest time. It may be paused before they are over.
   * @returns how many it ran, when it stands still again: up to a step, about a millisecond, more
   * @throws V3Error VM_WRONG_STATE if it runs, GUEST_FAILED if it ends
   */
  async simulate(ms: number): Promise<number> {
    return this.thread.simulate(ms);
  }

  /** Stops the guest between two instructions; its time stands still. Resolves when it stopped, within milliseconds. */
  async pause(): Promise<void> {
    await this.thread.command({ type: 'pause' });
  }

  /** The state of the paused machine. The machine stays as it is and may be run again. */
  async save(): Promise<MachineState> {
    return this.thread.command({ type: 'save' });
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
   * @param disks new layers on top of the present ones, with which its disks go on: those are then frozen, and durable
   * @throws V3Error INVALID_REQUEST if `base` is not as long as RAM, VM_WRONG_STATE if it is half a machine
   */
  async capture(base?: Uint8Array<SharedArrayBuffer>, disks?: DiskLayers): Promise<MachineCut> {
    // Most of what its disks must write is written before the guest stands still.
    if (disks) await this.flushDisks();
    return capture(await this.beginCopy(base), base, disks);
  }

  /**
   * Has the stopped machine, which holds the base of the copy or was just made, become another one. Until the copy is
   * finished or a state is loaded, it does not run.
   * @param base of the copy, if the machine has run since it held that: its memory goes back to it; what was translated
   *   of pages that stay as they are is kept, so that the other guest is fast from the start
   * @throws V3Error VM_WRONG_STATE if it runs, INVALID_REQUEST if `base` is not as long as RAM
   */
  async copyIn(base?: Uint8Array<SharedArrayBuffer>): Promise<IncomingCopy> {
    const copy = await this.thread.command({ type: 'copy-in', base });
    return new CheckedCopy(this.memoryMiB * PAGES_PER_MIB, {
      write: batch => this.thread.command({ type: 'copy-write', copy, batch }, [batch.bytes.buffer]),
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
    await this.thread.command({ type: 'throttle', share });
  }

  /** When its thread goes back to its host, from now on. */
  async setYielding(settings: YieldSettings): Promise<void> {
    await this.thread.command({ type: 'yielding', settings });
  }

  /** Resolves when the guest's thread has taken in all that it was sent before. */
  async caughtUp(): Promise<void> {
    await this.thread.command({ type: 'sync' });
  }

  /** Ends the thread at once, whatever it does; {@link onExit} is not called. */
  async terminate(): Promise<void> {
    await this.thread.terminate();
  }

  /** Types into the serial console. */
  writeConsole(data: Uint8Array | string): void {
    this.thread.post({
      type: 'console',
      data: typeof data === 'string' ? new TextEncoder().encode(data) : data,
    });
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
    if (frames.length === 0 || this.thread.end) return;
    // with optimistic interrupts the guest is told before the frames are even copied
    const known = this.arrivals.announce(nic, frames.length);
    if (known && this.options.nics[nic]!.optimisticInterrupts) this.thread.wakeUp();
    const owned = frames.map(owning);
    this.thread.post({ type: 'frames', nic, frames: owned }, buffersOf(owned));
  }

  /** Frames that the guest sent, as many as it gave its card in one go. @returns a function that ends it */
  onFrames(callback: (nic: number, frames: Uint8Array[]) => void): () => void {
    return this.frames.add(callback);
  }

  /** Gives plain Ethernet frames, without check sequence, to a physical card of the guest. They are copied. */
  sendCardFrames(card: number, frames: Uint8Array[]): void {
    if (frames.length > 0) this.thread.post({ type: 'card-frames', card, frames });
  }

  /** Plain Ethernet frames that a physical card sent to its segment. @returns a function that ends it */
  onCardFrames(callback: (card: number, frames: Uint8Array[]) => void): () => void {
    return this.cardFrames.add(callback);
  }

  /** Tells a shared card of the guest something; it answers by {@link onSharedCard}. */
  tellSharedCard(card: number, message: ToSharedCard): void {
    this.thread.post({ type: 'shared-card', card, message });
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
    if (messages.length === 0 || this.thread.end) return;
    const owned = messages.map(owning);
    this.thread.post({ type: 'wifi', messages: owned }, buffersOf(owned));
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
    this.thread.post({ type: 'wifi-announce' });
  }

  /** Types on its keyboard: see `combination` and `typing`. @returns false: it does not listen to a keyboard now */
  async typeKeys(codes: number[]): Promise<boolean> {
    return this.thread.command({ type: 'keys', codes });
  }

  async screen(): Promise<Screen> {
    return this.thread.command({ type: 'screen' });
  }

  /**
   * The bytes of its disks are these from now on. Without them, requests of the guest wait.
   * @throws V3Error STATE_CORRUPT when a layer is missing or damaged
   */
  async plugDisks(layers: DiskLayers): Promise<void> {
    await this.thread.command({ type: 'disks-plug', layers });
  }

  /** What the guest wrote to its disks is durable when this resolves. */
  async flushDisks(): Promise<void> {
    await this.thread.command({ type: 'disks-flush' });
  }

  /** Likewise, and its disks are not read or written any more, until they are plugged in again. */
  async unplugDisks(): Promise<void> {
    await this.thread.command({ type: 'disks-unplug' });
  }

  /** A disk waits because the host has no room; it goes on when the guest is run again. @returns a function that ends it */
  onDiskStalled(callback: (disk: number, reason: string) => void): () => void {
    return this.stalls.add(callback);
  }

  setMac(nic: number, mac: string): void {
    requireMac(mac);
    this.thread.post({ type: 'mac', nic, mac });
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
    this.thread.post({ type: 'nic', nic, settings: { mode, optimisticInterrupts, spoofGuard, linkUp } });
  }

  /** Has the guest tell the network where it is (gratuitous ARP), as after a migration. */
  announce(nic: number): void {
    this.thread.post({ type: 'announce', nic });
  }

  async telemetry(): Promise<Telemetry> {
    return this.thread.command({ type: 'telemetry' });
  }

  /** Has the guest's thread look at its `CoreWord` now. */
  coreChanged(): void {
    this.thread.wakeUp();
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
    const copy = await this.thread.command({ type: 'copy-begin', base });
    return {
      memoryPages: this.memoryMiB * PAGES_PER_MIB,
      scan: request => this.thread.command({ type: 'copy-scan', copy, ...request }),
      head: () => this.thread.command({ type: 'copy-head', copy }),
      cut: disks => this.thread.command({ type: 'copy-cut', copy, disks }),
      stop: () => this.thread.command({ type: 'copy-end', copy }),
    };
  }

  private told(message: Told): void {
    switch (message.type) {
      case 'core':
        return this.cores.emit();
      case 'notice':
        return this.notices.emit(message.text);
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
      case 'disk-stalled':
        return this.stalls.emit(message.disk, message.reason);
    }
  }
}

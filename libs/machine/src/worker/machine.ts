import { deserialize, serialize } from 'node:v8';
import {
  DeviceFault,
  VirtioTransport,
  type BalloonControl,
  type DeviceRegistry,
  type DeviceState,
  type NetSettings,
  type PciFunction,
  type VirtioConsole,
  type VirtioDevice,
  type VirtioHwsim,
  type VirtioNet,
} from '@v3vee/devices';
import { Engine } from '../engine/engine';
import type { RunLoop } from '../engine/run-loop';
import { forEachUsedPage } from '../engine/sparse';
import type { EngineState } from '../engine/state';
import { ENGINE_VERSION } from '../engine/v86-internals';
import { CardPort, makeCard, type Card } from './cards';
import { ClassDevices, type StatefulPart } from './device-classes/class-devices';
import { loadDeviceClasses } from './device-classes/load';
import { makeDevices, type DeviceOutput, type Devices } from './devices';
import { GuestMemoryAccess } from './guest-memory';
import { Disks } from './disks';
import { parseMac } from './mac';
import { STATE_FORMAT, type MachineHead, type MachineState } from '../state/machine-state';
import type { Telemetry, WorkerSetup } from './protocol';
import type { FromSharedCard, ToSharedCard } from './vpio/messages';
import { SharedCard } from './vpio/shared-card';
import { MachineError } from '../errors';

/** What the devices of a machine produce. */
export interface MachineOutput extends DeviceOutput {
  serial(byte: number): void;
  /** What a hypercall has to say. */
  notice(text: string): void;
  /** A plain Ethernet frame that a card sent. */
  cardFrame(card: number, frame: Uint8Array<ArrayBuffer>): void;
  /** What a shared card tells the VMM. */
  sharedCard(card: number, message: FromSharedCard): void;
  /** Keeps the guest where it is, takes in what arrives, until `done`. */
  block(done: () => boolean): void;
}

/** All devices' states by name, with the engine's. */
interface DevicesState {
  engine: EngineState;
  devices: Record<string, DeviceState>;
  /** Absent: none. */
  wifiCount?: number;
  /** By class; absent: none. */
  classDevices?: string[];
}

const TOP_PORTS = 32;
const WIFI_MEDIUM = 'virtio-hwsim';
const DISK = 'virtio-blk';
/** Machines of earlier versions had none. */
const RNG = 'virtio-rng';

/**
 * The engine with our devices plugged in: one virtio console for the channels, a virtio card per NIC, the medium
 * of Wi-Fi NICs if there are any, then the physical cards that were given to the guest, its disks, a source of entropy.
 */
export class Machine {
  readonly console: VirtioConsole;
  readonly nics: VirtioNet[];
  /** Of all Wi-Fi NICs. */
  readonly wifi: VirtioHwsim | undefined;
  readonly cards: CardPort[];
  readonly balloon: BalloonControl | undefined;
  readonly guestMemory: GuestMemoryAccess;
  readonly disks: Disks;
  private readonly functions: StatefulPart[] = [];
  /** True while a state is half loaded: after a failure, only another load can help. */
  private torn = false;

  private constructor(
    readonly engine: Engine,
    private readonly setup: WorkerSetup,
    { console, nics, wifi, disks, rng }: Devices,
    plug: (name: string, device: VirtioDevice) => PciFunction,
    plugCards: () => Card[],
    classes: DeviceRegistry,
  ) {
    [this.console, this.nics, this.wifi] = [console, nics, wifi];
    this.functions.push(plug('virtio-console', console));
    nics.forEach((nic, index) => {
      this.functions.push(plug(`virtio-net${index}`, nic));
      nic.configure(setup.nics[index]!);
    });
    if (wifi) this.functions.push(plug(WIFI_MEDIUM, wifi));
    const cards = plugCards();
    this.functions.push(...cards);
    this.cards = cards.map(card => new CardPort(card));
    disks.forEach((disk, index) => disk && this.functions.push(plug(`${DISK}${index}`, disk)));
    this.disks = new Disks(disks, setup.disks, disc => engine.insertDisc(disc));
    this.functions.push(plug(RNG, rng));
    // Last, so that they move none of the others.
    const devices = new ClassDevices(engine, classes, setup.devices);
    this.functions.push(...devices.parts);
    this.balloon = devices.balloon;
    this.guestMemory = new GuestMemoryAccess(engine);
  }

  /** @throws MachineError INVALID_REQUEST a device cannot be made */
  static async create(setup: WorkerSetup, output: MachineOutput): Promise<Machine> {
    const classes = await loadDeviceClasses(setup.deviceModules);
    const engine = await Engine.create({
      memoryMiB: setup.memoryMiB,
      firmware: setup.firmware,
      module: setup.module as WebAssembly.Module,
      onSerial: byte => output.serial(byte),
      onNotice: text => output.notice(text),
    });
    return new Machine(
      engine,
      setup,
      makeDevices(setup, output),
      (name, device) => engine.pci.plug(line => new VirtioTransport(name, device, engine.memory, line)),
      () =>
        setup.cards.map((config, card) =>
          engine.pci.plug(
            interrupt =>
              makeCard(config, {
                name: `${config.model}-${card}`,
                memory: engine.memory,
                interrupt,
                line: { transmit: frame => output.cardFrame(card, frame) },
                now: () => engine.clock.now,
                host: {
                  post: message => output.sharedCard(card, message),
                  block: done => engine.insideAccess(() => output.block(done)),
                },
              }),
            'passthrough',
          ),
        ),
      classes,
    );
  }

  save(): MachineState {
    const from = this.engine.memory.bytes();
    const head = this.head();
    const memory = new Uint8Array(new SharedArrayBuffer(from.length));
    forEachUsedPage(from, (start, end) => memory.set(from.subarray(start, end), start));
    return { ...head, memory };
  }

  /** Everything but RAM. It comes first: a device may finish what it is doing in RAM. */
  head(): MachineHead {
    const { memoryMiB, nics, wifiCount } = this.setup;
    const classDevices = this.classDevices();
    const devices = Object.fromEntries(this.functions.map(fn => [fn.name, fn.save()]));
    return {
      format: STATE_FORMAT,
      engineVersion: ENGINE_VERSION,
      memoryMiB,
      nicCount: nics.length,
      devices: serialize({
        engine: this.engine.save(),
        devices,
        wifiCount,
        classDevices,
      } satisfies DevicesState),
    };
  }

  load(state: MachineState): void {
    this.become(state, state.memory);
  }

  /** Pages of another machine will come into its RAM: it is half a machine until {@link finish} or {@link load}. */
  tear(): void {
    this.torn = true;
  }

  /** The pages of another machine are all there: goes on from where that stopped. */
  finish(head: MachineHead): void {
    this.become(head, undefined);
  }

  private become(state: MachineHead, memory: Uint8Array | undefined): void {
    this.checkShape(state);
    const { engine, devices, wifiCount = 0, classDevices = [] } = this.parse(state.devices);
    if (wifiCount !== this.setup.wifiCount) {
      const message = `its machine had ${wifiCount} Wi-Fi NICs, this one has ${this.setup.wifiCount}`;
      throw new MachineError('STATE_INCOMPATIBLE', `the state cannot be loaded: ${message}`);
    }
    const [theirs, ours] = [classDevices.join(', ') || 'none', this.classDevices().join(', ') || 'none'];
    if (theirs !== ours) {
      const message = `the devices of its machine were ${theirs}, of this one they are ${ours}`;
      throw new MachineError('STATE_INCOMPATIBLE', `the state cannot be loaded: ${message}`);
    }
    const disks = Object.keys(devices).filter(name => name.startsWith(DISK)).length;
    const present = this.setup.disks.filter(({ cdrom }) => !cdrom).length;
    if (disks !== present) {
      const message = `its machine had ${disks} virtio disks, this one has ${present}`;
      throw new MachineError('STATE_INCOMPATIBLE', `the state cannot be loaded: ${message}`);
    }
    const missing = this.functions.find(({ name }) => !(name in devices) && name !== RNG);
    if (missing) {
      throw new MachineError(
        'STATE_INCOMPATIBLE',
        `the state cannot be loaded: its machine had no ${missing.name}`,
      );
    }
    this.torn = true;
    try {
      this.engine.restore(engine, memory);
      this.engine.pci.restoreLines(() => {
        for (const fn of this.functions) {
          if (fn.name in devices) fn.restore(devices[fn.name]);
          else fn.reset?.();
        }
      });
    } catch (thrown) {
      throw thrown instanceof MachineError || thrown instanceof DeviceFault ? thrown : unreadable(thrown);
    }
    this.nics.forEach((nic, index) => {
      const { mac, linkUp } = this.setup.nics[index]!;
      nic.setMac(parseMac(mac)!);
      nic.configure({ linkUp });
    });
    this.cards.forEach(({ card }, index) => card.setMac(parseMac(this.setup.cards[index]!.mac)!));
    // Its memory is whole here: the guest takes back what it had given.
    this.balloon?.setTarget(0);
    this.torn = false;
  }

  private classDevices(): string[] {
    return this.setup.devices.map(device => `${device.id} (${device.class})`);
  }

  /** @throws MachineError VM_WRONG_STATE if the last load failed half-way */
  requireWhole(): void {
    if (this.torn)
      throw new MachineError('VM_WRONG_STATE', 'the machine holds half a state: load another one first');
  }

  /** Input of the serial console, unless a hook of serial events takes it. */
  type(data: Uint8Array): void {
    if (!this.engine.events.deliver({ kind: 'serial', data })) this.engine.serialInput(data);
  }

  /** @returns false: neither a hook nor the guest takes them now */
  keyInput(codes: readonly number[]): boolean {
    const scancodes = Uint8Array.from(codes);
    return this.engine.events.deliver({ kind: 'keyboard', scancodes }) || this.engine.keyInput(codes);
  }

  tellSharedCard(card: number, message: ToSharedCard): void {
    const port = this.cards[card];
    if (!(port?.card instanceof SharedCard)) return;
    port.card.handle(message);
    port.pump();
    port.card.settled();
  }

  /** What was traced of shared cards is handed out. */
  flushTraces(): void {
    for (const { card } of this.cards) if (card instanceof SharedCard) card.flush();
  }

  setMac(nic: number, mac: string): void {
    const config = this.setup.nics[nic];
    if (!config) return;
    config.mac = mac;
    this.nics[nic]!.setMac(parseMac(mac)!);
  }

  setNic(nic: number, settings: NetSettings): void {
    const config = this.setup.nics[nic];
    if (!config) return;
    for (const [name, value] of Object.entries(settings))
      if (value !== undefined) Object.assign(config, { [name]: value });
    this.nics[nic]!.configure(settings);
  }

  /** @throws MachineError VM_WRONG_STATE: it has none */
  requireBalloon(): BalloonControl {
    if (this.balloon) return this.balloon;
    const remedy = 'give it a device of class virtio-balloon';
    throw new MachineError('VM_WRONG_STATE', `the machine has no balloon: ${remedy}`);
  }

  telemetry(loop: Pick<RunLoop, 'busyMs' | 'idleMs' | 'yielding'>): Telemetry {
    const { engine } = this;
    const counts = engine.hooks.portCounts();
    const sum = (of: typeof counts) => of.reduce((total, { count }) => total + count, 0);
    return {
      exits: engine.account.tallies(),
      unhooked: sum(counts.filter(({ port }) => !engine.answers(port))),
      ...engine.counters,
      hypercalls: engine.cpuHooks.hypercalls(),
      yielding: { ...loop.yielding.counters },
      balloon: this.balloon ? { target: this.balloon.target, actual: this.balloon.actual } : null,
      ports: counts
        .slice(0, TOP_PORTS)
        .map(count => ({ ...count, device: engine.hooks.ownerOf(count.port) ?? null })),
      instructions: engine.instructions,
      guestMs: loop.busyMs,
      idleMs: loop.idleMs,
      devices: Object.fromEntries([
        ...this.functions.map(fn => [fn.name, fn.metrics()]),
        ...this.cards.map(port => [port.card.name, port.metrics()]),
      ]),
      cards: this.cards.map(port => port.account()),
      nics: this.nics.map(nic => nic.dispatch()),
      picRepaired: engine.picRepair.repaired,
      picStuck: engine.picRepair.stuck,
      memoryBytes: engine.memory.size,
    };
  }

  private checkShape(state: MachineHead): void {
    const { memoryMiB, nics } = this.setup;
    const refuse = (what: string) =>
      new MachineError('STATE_INCOMPATIBLE', `the state cannot be loaded: ${what}`);
    if (state.format !== STATE_FORMAT)
      throw refuse(`its format is ${state.format}, this machine reads ${STATE_FORMAT}`);
    if (state.engineVersion !== ENGINE_VERSION) {
      throw refuse(`it was saved by ${state.engineVersion}, this machine is ${ENGINE_VERSION}`);
    }
    if (state.memoryMiB !== memoryMiB) {
      throw refuse(`its machine had ${state.memoryMiB} MiB of memory, this one has ${memoryMiB}`);
    }
    if (state.nicCount !== nics.length) {
      throw refuse(`its machine had ${state.nicCount} NICs, this one has ${nics.length}`);
    }
  }

  private parse(bytes: Uint8Array): DevicesState {
    try {
      const state = deserialize(bytes) as DevicesState;
      if (!state?.engine?.body || typeof state.devices !== 'object' || !state.devices)
        throw new Error('it has no engine or no devices');
      return state;
    } catch (cause) {
      throw unreadable(cause);
    }
  }
}

const unreadable = (cause: unknown) =>
  new MachineError('STATE_CORRUPT', `the devices' state cannot be read: ${(cause as Error).message}`, {
    cause,
  });

import {
  V3Error,
  type ExecRequest,
  type ExecResult,
  type MemoryMap,
  type NicSettings,
  type Telemetry,
  type VmKeys,
  type VmScreen,
} from '@v3vee/contracts';
import {
  PAGE_BYTES,
  combination,
  typing,
  type Guest,
  type GuestEnd as EngineEnd,
  type OutgoingCopy,
} from '@v3vee/machine';
import type { OverlayNode } from '@v3vee/overlay';
import type { VmDefinition } from '@v3vee/store';
import type { Consoles } from '../console/consoles';
import type { VmDisks } from '../disks/vm-disks';
import type { Capture, GuestEnd, HostsEntry, Log, Machine } from '../lifecycle/ports';
import { patiently } from '../lifecycle/within';
import type { Seat } from '../vpio/physical-card';
import type { WifiLink, WifiPlug } from '../wifi/wifi-link';
import { Briefing, type Origin } from './briefing';
import { toAgentRequest, toExecResult } from './exec';
import { GuestMemory } from './guest-memory';
import { NicCards } from './nic-cards';
import { NicPlugs } from './nic-plugs';
import { encodePng } from './png';
import { toTelemetry, Unwrapped } from './telemetry';

const MIB = 1 << 20;

/** The router answers at once; when it is away the guest runs without it, and is reachable as soon as it is back. */
const ROUTER_MS = 3_000;
/** Of a guest that is taken away: what its disks must write. */
const DISKS_MS = 5_000;
/** A guest that has come is left alone for so long. */
const SETTLE_MS = 1_000;
const AGENT_MS = 10_000;
/** A template that has to be read takes well below a second; without it a capture takes longer. */
const TEMPLATE_MS = 3_000;
/** Under way at a time; each may hold some MiB of output. */
const MAX_COMMANDS = 16;

export interface GuestMachineOptions {
  host: string;
  definition: VmDefinition;
  guest: Guest;
  /** Its places at physical cards. */
  seats: Seat[];
  /** It is none of its host's tasks any more. */
  leaveCore: () => void;
  disks: VmDisks;
  origin: Origin;
  /** What its image has inside. */
  agent: boolean;
  configChannel: boolean;
  overlay: OverlayNode;
  wifi: WifiLink;
  consoles: Consoles;
  names: HostsEntry[];
  /** Memory that its own hardly differs from, where it is at hand. */
  base: () => Promise<Uint8Array<SharedArrayBuffer> | undefined>;
  log: Log;
}

/** A guest with its NICs in the overlay and its console on the bus. */
export class GuestMachine implements Machine {
  readonly origin: Origin;
  readonly ended: Promise<GuestEnd>;
  readonly memory: GuestMemory;
  readonly #options: GuestMachineOptions;
  readonly #guest: Guest;
  readonly #cards: NicCards;
  readonly #nics: NicPlugs;
  readonly #wifi: WifiPlug | undefined;
  readonly #instructions = new Unwrapped();
  readonly #briefing: Briefing;
  #unplugConsole: (() => void) | undefined;
  #reached: Promise<void> = Promise.resolve();
  #stoodStillAt: number | undefined;
  #hasDisks = false;
  /** How to tell each command under way that nobody in the guest will answer any more. */
  readonly #commands = new Set<(why: string) => void>();

  constructor(options: GuestMachineOptions) {
    const { guest, overlay, definition } = options;
    this.#options = options;
    this.#guest = guest;
    this.origin = options.origin;
    this.#briefing = new Briefing({
      ...{ definition, origin: options.origin, names: options.names },
      config: options.configChannel ? guest.config : undefined,
      // A guest that has ended needs to be told nothing.
      complain: (what, thrown) => {
        if (!guest.exit) this.#complain(what, thrown);
      },
    });
    this.#cards = new NicCards(guest, definition.nics);
    this.#nics = new NicPlugs(overlay, definition, this.#cards);
    if (definition.wifi.length > 0) this.#wifi = options.wifi.plug(definition, guest);
    this.memory = new GuestMemory(guest.memory, definition.memoryMiB * MIB);
    guest.onNotice(text => options.log.info({ vm: definition.name }, `the guest calls: ${text}`));
    this.ended = new Promise(resolve => guest.onExit(end => resolve(toEnd(end))));
    void this.ended.then(({ detail }) => this.#abandon(detail));
  }

  /**
   * At the first run it joins its networks before the guest executes anything, and has its name and addresses
   * when this resolves, unless it boots cold.
   */
  async run(): Promise<void> {
    await this.#takeDisks();
    if (this.#briefing.told) return this.#goOn();
    if (this.origin === 'moved') return this.#goOnHere();
    await this.#plug();
    await this.#guest.run();
    this.#briefing.begin();
    if (this.origin !== 'cold') await patiently(this.#briefing.patienceMs, this.#briefing.told!);
  }

  /** Its clock is not corrected before it runs again: what it missed until then it missed as a whole. */
  async simulate(ms: number): Promise<number> {
    await this.#takeDisks();
    if (!this.#briefing.told) {
      await this.#plug();
      this.#briefing.begin();
    }
    return this.#guest.simulate(ms);
  }

  /** Its console, and its NICs: resolves when they are attached, or the router has had its time. */
  #plug(): Promise<void> {
    const { consoles, definition, log } = this.#options;
    this.#unplugConsole = consoles.plug(definition.id, {
      write: bytes => this.#guest.writeConsole(bytes),
      onOutput: listener => this.#guest.onConsole(listener),
    });
    const away = (service: string) => (known: boolean) => {
      if (known) return;
      log.warn({ vm: definition.name }, `the ${service} does not answer; the guest runs without it for now`);
    };
    return Promise.all([
      patiently(ROUTER_MS, this.#nics.plug()).then(away('router')),
      this.#wifi && patiently(ROUTER_MS, this.#wifi.plug()).then(away('wifi service')),
    ]).then(() => undefined);
  }

  /** It stands still until it runs, so it runs first; what it sends follows the announcement of its NICs. */
  async #goOnHere(): Promise<void> {
    this.#briefing.begin();
    const going = this.#guest.run();
    this.#reached = this.#plug()
      .then(() => this.#announce())
      .catch(thrown => this.#complain('its NICs could not be attached', thrown));
    await going;
    const stoodStill = this.#goesOn();
    // It knows what it was told where it was; who waits for it comes first.
    setTimeout(() => this.#briefing.catchUp(stoodStill), SETTLE_MS).unref();
  }

  /** Switches beyond the overlay learn where it is now. */
  #announce(): void {
    for (const [nic, { device }] of this.#options.definition.nics.entries()) {
      if (device === null) this.#guest.announce(nic);
    }
  }

  async pause(): Promise<void> {
    await this.#guest.pause();
    this.#stoodStillAt ??= performance.now();
  }

  /** They are here once its guest is to run, when the machine before it is gone. */
  async #takeDisks(): Promise<void> {
    const { disks } = this.#options;
    if (this.#hasDisks || disks.configs.length === 0) return;
    await this.#guest.plugDisks(await disks.take());
    this.#hasDisks = true;
  }

  async releaseDisks(): Promise<void> {
    if (!this.#hasDisks) return;
    await this.#guest.unplugDisks();
    this.#hasDisks = false;
    await this.#options.disks.release();
  }

  onDiskFull(listener: (reason: string) => void): void {
    const { disks } = this.#options.definition;
    this.#guest.onDiskStalled((disk, reason) => listener(`${disks[disk]?.name}: ${reason}`));
  }

  async capture(freeze: boolean): Promise<Capture> {
    let base: Uint8Array<SharedArrayBuffer> | undefined;
    const present = this.#options.base().then(memory => void (base = memory));
    await patiently(TEMPLATE_MS, present).catch(thrown =>
      this.#complain('its template was not found', thrown),
    );
    if (!freeze || this.#options.disks.configs.length === 0) return this.#guest.capture(base);
    await this.#takeDisks();
    const { layers, frozen, undo } = await this.#options.disks.freeze();
    try {
      const cut = await this.#guest.capture(base, layers);
      return { ...cut, disks: transaction => frozen.name(transaction) };
    } catch (thrown) {
      await undo().catch(why => this.#complain('its disks were not put back', why));
      throw thrown;
    }
  }

  async close(): Promise<void> {
    this.#abandon('its machine was taken away');
    this.#unplugConsole?.();
    const unplugged = Promise.all([this.#nics.unplug(), this.#wifi?.unplug()]);
    await patiently(DISKS_MS, this.#closeDisks());
    await this.#guest.terminate().catch(thrown => this.#complain('its thread could not be ended', thrown));
    this.#options.leaveCore();
    for (const seat of this.#options.seats) seat.card.leave(seat);
    await patiently(ROUTER_MS, unplugged);
    // Its thread is gone: whether it has closed them or not, nobody writes to them any more.
    await patiently(DISKS_MS, this.#options.disks.release()).catch(thrown =>
      this.#complain('its disks will be copied when they are used again', thrown),
    );
  }

  async #closeDisks(): Promise<void> {
    if (!this.#hasDisks || this.#guest.exit) return;
    await this.#guest.unplugDisks().catch(thrown => this.#complain('its disks were not closed', thrown));
  }

  async addresses(): Promise<string[][]> {
    this.#requireAgent();
    const interfaces = await this.#guest.agent.interfaces(AGENT_MS);
    const { nics, wifi } = this.#options.definition;
    return [...nics, ...wifi].map(({ mac }) => {
      const card = interfaces.find(each => each.mac?.toLowerCase() === mac);
      // Every card has a link-local address of its own accord (RFC 4291); it tells nobody anything.
      return (card?.addresses ?? []).filter(address => !/^fe[89ab]/i.test(address));
    });
  }

  async exec(request: ExecRequest): Promise<ExecResult> {
    this.#requireAgent();
    if (this.#commands.size >= MAX_COMMANDS) {
      throw new V3Error(
        'VM_BUSY',
        `VM ${this.#options.definition.name} runs ${MAX_COMMANDS} commands already`,
      );
    }
    let leave: (why: string) => void = () => undefined;
    const gone = new Promise<never>((_, reject) => {
      leave = why => reject(new V3Error('GUEST_FAILED', `the guest ended while the command ran: ${why}`));
    });
    this.#commands.add(leave);
    try {
      return await Promise.race([this.#exec(request), gone]);
    } finally {
      this.#commands.delete(leave);
    }
  }

  async #exec(request: ExecRequest): Promise<ExecResult> {
    const began = performance.now();
    // A command that uses the network must not overtake the configuration of it, nor wait for it for ever.
    const { told } = this.#briefing;
    if (told) await patiently(request.timeoutSeconds * 500, told);
    const timeoutSeconds = request.timeoutSeconds - (performance.now() - began) / 1000;
    return toExecResult(await this.#guest.agent.exec(toAgentRequest({ ...request, timeoutSeconds })));
  }

  async telemetry(): Promise<Telemetry> {
    const { host, definition } = this.#options;
    const guest = await this.#guest.telemetry();
    const instructions = this.#instructions.read(guest.instructions);
    const drops = this.#nics.drops().map((reasons, nic) => ({
      ...reasons,
      'receive-malformed': this.#cards.unfit[nic]!.malformed,
      'receive-too-big': this.#cards.unfit[nic]!['too-big'],
    }));
    return toTelemetry({ host, vm: definition, guest, instructions, drops });
  }

  async memoryMap(): Promise<MemoryMap> {
    const { name, memoryMiB } = this.#options.definition;
    const [regions, balloonBytes] = await Promise.all([this.#guest.memory.map(), this.balloonBytes()]);
    return { vm: name, memoryBytes: memoryMiB * MIB, balloonBytes, regions };
  }

  balloon(bytes: number): Promise<void> {
    return this.#guest.memory.balloon(bytes);
  }

  async balloonBytes(): Promise<number> {
    return ((await this.#guest.telemetry()).balloon?.actual ?? 0) * PAGE_BYTES;
  }

  async screen(): Promise<VmScreen> {
    const { width, height, rgb, text } = await this.#guest.screen();
    return { width, height, text, png: encodePng(width, height, rgb).toString('base64') };
  }

  async type({ keys, text = '' }: VmKeys): Promise<void> {
    const codes = keys ? keys.flatMap(combination) : typing(text);
    if (await this.#guest.typeKeys(codes)) return;
    const { name } = this.#options.definition;
    throw new V3Error(
      'VM_BUSY',
      `the guest of ${name} does not read its keyboard now; try again in a moment`,
    );
  }

  setHosts(names: HostsEntry[]): void {
    this.#briefing.setNames(names);
    // A guest that stands still would not listen; it is told when it goes on.
    if (this.#stoodStillAt === undefined) this.#briefing.catchUp();
  }

  setNic(nic: number, { impairment, ...card }: NicSettings): void {
    this.#nics.impair(nic, impairment);
    if (this.#options.definition.nics[nic]?.device) this.#nics.connect(nic, card.linkUp);
    else this.#guest.setNic(nic, card);
  }

  copyOut(base: Uint8Array<SharedArrayBuffer> | undefined): Promise<OutgoingCopy> {
    return this.#guest.copyOut(base);
  }

  throttle(share: number): Promise<void> {
    return this.#guest.throttle(share);
  }

  hold(): void {
    this.#nics.hold();
    this.#wifi?.hold();
  }
  release(): void {
    this.#nics.release();
    this.#wifi?.release();
  }
  forward(host: string): void {
    this.#nics.forward(host);
    this.#wifi?.forward(host);
  }

  async renew(epoch: number): Promise<void> {
    for (const seat of this.#options.seats) seat.card.renew(seat, epoch);
    this.#options.disks.renew(epoch);
    await patiently(ROUTER_MS, Promise.all([this.#nics.renew(epoch), this.#wifi?.renew(epoch)]));
  }

  /** Of a guest that moved: it has stood still before it came. */
  settle(stoodStillMs: number): void {
    this.#stoodStillAt = performance.now() - stoodStillMs;
  }
  stoodStillMs(): number {
    return this.#stoodStillAt === undefined ? 0 : performance.now() - this.#stoodStillAt;
  }

  reached(): Promise<void> {
    return this.#reached;
  }

  async #goOn(): Promise<void> {
    await this.#guest.run();
    this.#briefing.catchUp(this.#goesOn());
  }

  /** @returns how long it stood still, ms */
  #goesOn(): number {
    const stoodStill = this.stoodStillMs();
    this.#stoodStillAt = undefined;
    return stoodStill;
  }

  #abandon(why: string): void {
    for (const leave of this.#commands) leave(why);
  }

  #requireAgent(): void {
    const { agent, definition } = this.#options;
    if (agent) return;
    throw new V3Error('VM_NO_AGENT', `image ${definition.image} of VM ${definition.name} has no guest agent`);
  }

  #complain(what: string, thrown: unknown): void {
    const { log, definition } = this.#options;
    log.warn({ vm: definition.name, error: V3Error.from(thrown).message }, what);
  }
}

function toEnd({ kind, reason }: EngineEnd): GuestEnd {
  switch (kind) {
    case 'guest-reset':
      return { kind: 'reboot', detail: reason };
    case 'guest-poweroff':
      return { kind: 'poweroff', detail: reason };
    case 'guest-panic':
    case 'guest-crash':
    case 'worker-error':
      return { kind: 'failed', detail: reason };
    case 'device-fault':
      return { kind: 'failed', detail: `fail stop: ${reason}` };
  }
}

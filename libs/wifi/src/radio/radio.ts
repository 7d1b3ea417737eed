import { V3Error } from '@v3vee/contracts';
import {
  decodeHwsim,
  formatMac,
  frequencyChannel,
  Ieee80211Frame,
  type HwsimFrame,
  type HwsimMacUse,
  type HwsimMessage,
} from '@v3vee/wire';
import { charge } from '../air';
import type { AirAccess, Antenna, Reception, TxStatus } from '../antenna';
import { systemClock, type Clock } from '../clock';
import { leaving, powerSaveNull } from './announcement';
import { BssTable, type Bss } from './bss-table';
import { Channels } from './channels';
import { Claims } from './claims';
import { consolidatedPower, radioDefaults, type RadioSettings } from './consolidation';
import type { RadioContext } from './context';
import { LONGEST_FRAME } from './distribution';
import { fixesChannel, observeSent, observeWanted } from './observer';
import { answer, type Outgoing } from './outgoing';
import { ProbeMerger, questionOf } from './probe-merger';
import { Receiver } from './receiver';
import { Replayer } from './replayer';
import type { DropReason, Station } from './station';
import {
  allSleep,
  bssStatus,
  stationStatus,
  vmStatus,
  type BssStatus,
  type RadioStatus,
  type StationStatus,
  type VmStatus,
} from './status';
import { restoreContext, takeContext } from './travel';
import { VmPort, type Phy, type VmAttachment } from './vm-port';

/** dBm with which a guest hears another one of the same radio. */
const LOOP_SIGNAL = -20;
/** ms that a probe request makes its guest one that scans, and after which nobody waits for its channel any more. */
const SCAN_MS = 150;
const PROBE_EXPIRES_MS = 60;
/** A visit for frames that neither join nor ask for access points (public actions): ms to stay for the answer. */
const ACTION_VISIT_MS = 50;
const ACTION_EXPIRES_MS = 500;
const MAX_PROBES = 64;
/** ms without a probe request after which a scan is a passive one. */
const PROBE_PAUSE_MS = 60;

export interface RadioOptions extends Partial<RadioSettings> {
  /** `alpha/radio0`. */
  id: string;
  air: AirAccess;
  clock?: Clock;
}

/**
 * The driver of a host's one physical Wi-Fi interface (the HostVM's): many VMs, each with its own vMACs and
 * associations, share it. Frames in and out are hwsim messages of guests on one side and 802.11 on the air on the
 * other; the rules by which many become one are in `consolidation.ts`.
 *
 * Bad input of a guest (malformed, of another's address, for a channel that does not exist) is counted, answered where
 * an answer is due, and hurts nobody else.
 */
export class Radio implements Antenna {
  readonly id: string;
  private readonly air: AirAccess;
  private readonly clock: Clock;
  readonly #vms = new Map<string, VmPort>();
  readonly #claims = new Claims();
  readonly #table = new BssTable();
  readonly #probes = new ProbeMerger();
  readonly #channels: Channels;
  readonly #receiver: Receiver;
  readonly #replayer: Replayer;
  readonly #settings: RadioSettings;
  #stale = 0;
  /** When a scan last began, or sent a probe request. */
  #probed = -Infinity;
  #pause: (() => void) | undefined;

  /** The caller has it join the air, and leave it. */
  constructor({ id, air, clock = systemClock, ...settings }: RadioOptions) {
    this.id = id;
    this.air = air;
    this.clock = clock;
    this.#settings = { ...radioDefaults, ...settings };
    const { stations } = this.#claims;
    const scans = (now: number) => [...this.#phys()].some(phy => phy.scans(now));
    const owner = {
      antenna: this,
      stations,
      isUsed: () => stations.size > 0 || this.promiscuous,
      // Who asks by itself is not to meet the radio at other channels.
      awaitsBeacons: (now: number) => now >= this.#probed + PROBE_PAUSE_MS && scans(now),
      sent: (item: Outgoing, status?: TxStatus) => this.#sent(item, status),
    };
    this.#channels = new Channels(owner, air, clock, this.#settings);
    this.#channels.surveyed = (freq, since) => this.#table.prune(freq, since);
    this.#receiver = new Receiver(
      stations,
      this.#table,
      () => this.#phys(),
      freq => this.#channels.lane(freq),
    );
    this.#replayer = new Replayer(
      clock,
      this.#table,
      (bss, now) => this.#audience(bss, now),
      (phy, reception) => this.#receiver.deliver(phy, reception),
      now => scans(now) || this.#isSliced,
    );
  }

  get freq(): number | undefined {
    return this.#channels.transceivers[0]?.freq;
  }

  hears(freq: number): boolean {
    return this.#channels.hears(freq);
  }

  get promiscuous(): boolean {
    for (const phy of this.#phys()) if (phy.hearsAll) return true;
    return false;
  }

  get txPower(): number {
    const asked = [...this.#vms.values()].map(({ txPower }) => txPower);
    return consolidatedPower(this.#settings.txPower, asked);
  }

  acknowledges(address: string): boolean {
    return this.#claims.stations.has(address);
  }

  receive(reception: Reception): void {
    this.#receiver.arrive(reception, Ieee80211Frame.read(reception.frame), this.clock.now());
  }

  /**
   * A VM that is here already is replaced; with the same epoch it keeps its associations.
   * @param deliver takes hwsim messages for the guest
   * @param context of {@link detachVm}, or of a saved state as `readRadioContext` gave it
   * @throws V3Error MAC_IN_USE when another VM at this radio owns one of the addresses
   */
  addVm(attachment: VmAttachment, deliver: (message: Uint8Array) => void, context?: RadioContext): void {
    const vm = new VmPort(attachment, deliver);
    const old = this.#vms.get(vm.id);
    const conflict = this.#claims.conflict(vm, old);
    if (conflict) {
      throw new V3Error(
        'MAC_IN_USE',
        `${conflict} belongs to another VM at ${this.id}; each vMAC has one owner`,
      );
    }
    const kept = old && this.#take(old);
    this.#vms.set(vm.id, vm);
    this.#claims.own(vm);
    const restored = context ?? (old?.epoch === vm.epoch ? kept : undefined);
    if (restored) {
      for (const item of restoreContext(restored, vm, this.#claims, this.clock.now())) this.#accept(item);
    }
    this.#changed();
    this.#channels.welcome();
  }

  /** The VM is no more: its associations are ended, and what waits for it is forgotten. Unknown ones are left. */
  removeVm(vmId: string): void {
    const vm = this.#vms.get(vmId);
    if (!vm) return;
    this.#onBehalf(vm, (station, freq) => leaving(station, freq));
    this.#take(vm);
    this.#changed();
  }

  /**
   * The VM goes elsewhere: what has to travel with it. Its access points are told that it sleeps, so that they buffer
   * until it is awake at another radio.
   * @throws V3Error VM_NOT_FOUND
   */
  detachVm(vmId: string): RadioContext {
    const vm = this.#vms.get(vmId);
    if (!vm) throw new V3Error('VM_NOT_FOUND', `"${vmId}" is not at ${this.id}`);
    this.#onBehalf(vm, (station, freq) =>
      station.isAwakeMember && !station.away ? powerSaveNull(station, freq, true) : undefined,
    );
    const context = this.#take(vm);
    this.#changed();
    return context;
  }

  /** What would travel, while the VM stays: for a saved state. @throws V3Error VM_NOT_FOUND */
  contextOf(vmId: string): RadioContext {
    const vm = this.#vms.get(vmId);
    if (!vm) throw new V3Error('VM_NOT_FOUND', `"${vmId}" is not at ${this.id}`);
    return this.#contextOf(vm);
  }

  /** An hwsim message of the VM's driver. Nothing is thrown; the bytes are kept until they are sent. */
  fromVm(vmId: string, epoch: number, message: Uint8Array): void {
    const vm = this.#vms.get(vmId);
    if (vm?.epoch !== epoch) {
      this.#stale++;
      return;
    }
    const decoded = decode(message);
    if (!decoded) vm.drops.malformed++;
    else if (decoded.kind === 'frame') this.#fromGuest(vm, decoded);
    else {
      if (decoded.kind === 'delMac') this.#end(vm, decoded);
      else if (this.#claims.begin(vm, decoded)) this.#scanGoesOn(this.clock.now());
      else vm.drops.refused++;
      this.#changed();
    }
  }

  /** Whether the VM gets all frames of the radio's channels. @throws V3Error VM_NOT_FOUND */
  setMonitor(vmId: string, on: boolean): void {
    const vm = this.#vms.get(vmId);
    if (!vm) throw new V3Error('VM_NOT_FOUND', `"${vmId}" is not at ${this.id}`);
    vm.monitor = on;
    this.#changed();
  }

  stations(): StationStatus[] {
    const now = this.clock.now();
    return [...this.#claims.stations.values()].map(station => stationStatus(station, now));
  }

  vms(): VmStatus[] {
    return [...this.#vms.values()].map(vmStatus);
  }

  bss(): BssStatus[] {
    const now = this.clock.now();
    return this.#table.list(now).map(bss => bssStatus(bss, now));
  }

  status(): RadioStatus {
    const { transceivers, tuned } = this.#channels;
    const sum = (of: 'switches' | 'unannounced') => transceivers.reduce((total, t) => total + t[of], 0);
    return {
      id: this.id,
      txPower: this.txPower,
      tuned,
      schedule: this.#channels.schedule(),
      sleeps: allSleep(this.#claims.stations.values()),
      switches: sum('switches'),
      unannounced: sum('unannounced'),
      mergedProbes: this.#probes.merged,
      replayedBeacons: this.#replayer.told,
      stale: this.#stale,
    };
  }

  stop(): void {
    this.#pause?.();
    this.#channels.stop();
    this.#replayer.stop();
  }

  *#phys(): Generator<Phy> {
    for (const { phys } of this.#vms.values()) yield* phys.values();
  }

  /** Who is there, or what is wanted. */
  #changed(): void {
    this.#channels.wake();
    this.#replayer.wake();
  }

  #scanGoesOn(now: number): void {
    this.#probed = now;
    this.#pause?.();
    this.#pause = this.clock.after(PROBE_PAUSE_MS, () => this.#channels.wake());
  }

  get #isSliced(): boolean {
    return this.#channels.wanted().length > this.#settings.channels;
  }

  #fromGuest(vm: VmPort, message: HwsimFrame): void {
    const refuse = (drop: 'malformedFrame' | 'spoofed') => {
      vm.drops[drop]++;
      vm.deliver(answer(message));
    };
    const frame = headerOf(message.frame);
    if (!frame) return refuse('malformedFrame');
    const phy = vm.phy(formatMac(message.radio));
    const station = phy && frame.transmitter && this.#claims.ownOf(vm, phy, frame.transmitter);
    if (!station) return refuse('spoofed');
    const item: Outgoing = { station, message, frame };
    if (frequencyChannel(message.freq) === undefined) this.#drop(item, 'badChannel');
    else if (message.frame.length > LONGEST_FRAME) this.#drop(item, 'tooLong');
    else this.#accept(item);
  }

  #accept(item: Outgoing): void {
    const { station, frame } = item;
    if (frame.isProbeRequest && frame.isGroupAddressed) this.#probe(item);
    else if (station.scanOnly) this.#drop(item, 'notAllowed');
    else this.#enqueue(item);
  }

  #enqueue(item: Outgoing): void {
    const { station, frame, message } = item;
    const { freq } = message;
    const before = station.freq;
    const now = this.clock.now();
    if (station.queued >= this.#settings.queueFrames) return this.#drop(item, 'overflow');
    observeWanted(station, frame, freq, now);
    station.lastTraffic = now;
    if (frame.isBeacon && !this.hears(freq)) this.#drop(item, 'away');
    else {
      station.queued++;
      this.#channels.lane(freq).frames.push(station, item);
    }
    if (frame.isManagement && !fixesChannel(frame) && !this.hears(freq)) {
      this.#channels.visit({ freq, stay: ACTION_VISIT_MS, expires: now + ACTION_EXPIRES_MS });
    }
    if (!this.#channels.pump(freq) || before !== station.freq) this.#changed();
  }

  #probe(item: Outgoing): void {
    const { station, frame, message } = item;
    const { freq } = message;
    const { mergeMs, visitMs } = this.#settings;
    const now = this.clock.now();
    const question = questionOf(frame);
    station.phy.scansUntil = now + SCAN_MS;
    this.#scanGoesOn(now);
    this.#replayer.wake();
    const asked = this.#probes.lately(freq, question, now, mergeMs);
    if (asked !== undefined) {
      this.#probes.merged++;
      station.vm.deliver(answer(message, { acked: false, tries: 1, rate: 0, airtime: 0, signal: 0 }));
      return this.#tellResults(station, freq, question, asked, now);
    }
    const { probes } = this.#channels.lane(freq);
    if (probes.length >= MAX_PROBES) return this.#drop(item, 'overflow');
    this.#probes.ask(freq, question, now, mergeMs);
    item.expires = now + PROBE_EXPIRES_MS;
    station.queued++;
    probes.push(item);
    // Also when the radio is about to leave: then it comes back.
    if (!this.#channels.pump(freq)) this.#channels.visit({ freq, stay: visitMs, expires: item.expires });
  }

  /** What another's probe request has brought. */
  #tellResults(station: Station, freq: number, question: string, since: number, now: number): void {
    for (const bss of this.#table.list(now)) {
      const isAsked = question === '' || Buffer.from(bss.ssid).toString('hex') === question;
      const { probeResponse, beacon } = bss;
      if (bss.freq !== freq || bss.heard < since || !isAsked) continue;
      if (probeResponse) this.#receiver.tellResult(station.phy, probeResponse);
      else if (beacon) this.#receiver.deliver(station.phy, beacon);
    }
  }

  #sent(item: Outgoing, status: TxStatus | undefined): void {
    const { station, frame, message } = item;
    station.queued--;
    if (station.vm.isGone) return;
    if (!status) {
      this.#probes.forget(message.freq, questionOf(frame));
      return this.#drop(item, 'expired');
    }
    const now = this.clock.now();
    const group = frame.isGroupAddressed;
    const { tries, acked, airtime, rate } = status;
    charge(station.sent, { bytes: message.frame.length, tries, acked, group, airtime });
    if (tries > 0) station.txRate = rate;
    const before = station.state;
    observeSent(station, frame, acked, now);
    station.vm.deliver(answer(message, status));
    const arrives = group
      ? tries > 0
      : acked && (this.promiscuous || this.#claims.stations.has(frame.receiver));
    // The radio does not hear itself: what one of its guests sends to another one.
    if (arrives) {
      const reception = { frame: message.frame, freq: message.freq, signal: LOOP_SIGNAL, rate };
      this.#receiver.arrive(reception, frame, now, station.phy);
    }
    if (before !== station.state) this.#changed();
  }

  #drop({ station, message }: Outgoing, reason: DropReason): void {
    station.drop(reason);
    station.vm.deliver(answer(message));
  }

  #end(vm: VmPort, use: HwsimMacUse): void {
    const station = this.#claims.end(vm, use);
    if (!station) return;
    for (const item of this.#channels.withdraw(station)) vm.deliver(answer(item.message));
  }

  #contextOf(vm: VmPort): RadioContext {
    return takeContext(
      vm,
      vm.stations.flatMap(station => this.#channels.unanswered(station)),
    );
  }

  /** The VM is not here any more. */
  #take(vm: VmPort): RadioContext {
    vm.isGone = true;
    this.#vms.delete(vm.id);
    this.#claims.disown(vm);
    const context = this.#contextOf(vm);
    for (const station of vm.stations) {
      this.#channels.withdraw(station);
      this.#claims.remove(station);
    }
    return context;
  }

  /** Sends for its members, as far as the radio is at their channel. */
  #onBehalf(
    vm: VmPort,
    make: (station: Station, freq: number) => ReturnType<typeof leaving> | undefined,
  ): void {
    for (const station of vm.stations) {
      const { state, freq } = station;
      if (state !== 'associated' || freq === undefined || !this.hears(freq)) continue;
      const transmission = make(station, freq);
      if (transmission) this.air.transmit(this, transmission, () => undefined);
    }
  }

  /** Who is to be told a beacon of a channel where the radio is not. */
  #audience(bss: Bss, now: number): Phy[] {
    if (this.hears(bss.freq)) return [];
    const lastVisit = this.#channels.lastVisit(bss.freq);
    return [...this.#phys()].filter(phy => {
      const stations = [...phy.stations];
      if (stations.some(({ address }) => address === bss.bssid)) return false;
      const isMember = stations.some(
        ({ state, bssid, freq, heard }) =>
          state === 'associated' && bssid === bss.bssid && freq === bss.freq && heard >= lastVisit,
      );
      return isMember || phy.scans(now);
    });
  }
}

function decode(message: Uint8Array): HwsimMessage | undefined {
  try {
    return decodeHwsim(message);
  } catch {
    return undefined;
  }
}

function headerOf(frame: Uint8Array): Ieee80211Frame | undefined {
  try {
    return Ieee80211Frame.read(frame);
  } catch {
    return undefined;
  }
}

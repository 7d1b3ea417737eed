import { V3Error } from '@v3vee/contracts';
import {
  decodeHwsim,
  encodeReceived,
  formatMac,
  isGroupMac,
  parseMac,
  type HwsimFrame,
  type HwsimMessage,
} from '@v3vee/wire';
import { charge, newAccount, type Account } from '../air';
import type { AirAccess, Antenna, Reception } from '../antenna';
import type { RadioContext } from './context';
import { isDeliverable, LONGEST_FRAME } from './distribution';
import { toAir, toIndex } from './hwsim-rates';
import { answer } from './outgoing';
import type { Radio } from './radio';
import type { BssStatus, RadioStatus, StationStatus, VmStatus } from './status';
import type { VmAttachment } from './vm-port';

/** A host's radio, as the service that runs it sees it. */
export type HostRadio = Antenna &
  Pick<Radio, 'addVm' | 'removeVm' | 'detachVm' | 'fromVm' | 'stations' | 'vms' | 'bss' | 'status' | 'stop'>;

/** What a monitor without other interfaces has. */
const NO_ADDRESS = '00:00:00:00:00:00';
/** Where a frame has the address of its receiver. */
const RECEIVER = 4;
/** Radios of a guest's driver, and addresses of each. */
const MAX_PHYS = 16;
const MAX_ADDRESSES = 16;

/** A radio of the guest's driver: how often it began each address, and what passed. */
interface Phy {
  bytes: Uint8Array;
  uses: Map<string, number>;
  sent: Account;
  received: number;
  receivedBytes: number;
}

/**
 * A radio that one VM has for itself, as if the card were passed through to it: what its driver sends goes to the air,
 * and what is on the air goes to its driver. It is what {@link Radio} is measured against. Nothing is distributed,
 * scheduled, merged, observed or enforced: the guest may send under any address, nobody knows what it is associated
 * with, and its access point is told nothing when it leaves.
 *
 * It hears and acknowledges on all channels at once, because hwsim does not say which one the guest is on; the guest's
 * driver drops what is of another one.
 */
export class DedicatedRadio implements HostRadio {
  readonly id: string;
  readonly txPower: number;
  readonly freq = undefined;
  readonly #air: AirAccess;
  #vm: { vmId: string; epoch: number; deliver: (message: Uint8Array) => void } | undefined;
  readonly #phys = new Map<string, Phy>();
  readonly #drops = { malformed: 0, malformedFrame: 0, spoofed: 0, refused: 0 };
  #stale = 0;

  /** The caller has it join the air, and leave it. */
  constructor({ id, txPower, air }: { id: string; txPower: number; air: AirAccess }) {
    this.id = id;
    this.txPower = txPower;
    this.#air = air;
  }

  hears(): boolean {
    return this.#vm !== undefined;
  }

  get promiscuous(): boolean {
    return this.acknowledges(NO_ADDRESS);
  }

  acknowledges(address: string): boolean {
    for (const { uses } of this.#phys.values()) if (uses.has(address)) return true;
    return false;
  }

  receive({ frame, freq, rate, signal }: Reception): void {
    if (!isDeliverable(frame)) return;
    const isGroup = isGroupMac(frame, RECEIVER);
    const receiver = formatMac(frame, RECEIVER);
    for (const phy of this.#phys.values()) {
      if (!isGroup && !phy.uses.has(receiver) && !phy.uses.has(NO_ADDRESS)) continue;
      phy.received++;
      phy.receivedBytes += frame.length;
      this.#vm?.deliver(encodeReceived({ radio: phy.bytes, frame, rate: toIndex(rate, freq), signal, freq }));
    }
  }

  /** The VM that is here may be replaced. @throws V3Error DEVICE_IN_USE when another one is */
  addVm({ vmId, epoch }: VmAttachment, deliver: (message: Uint8Array) => void, context?: RadioContext): void {
    if (this.#vm && this.#vm.vmId !== vmId) {
      throw new V3Error('DEVICE_IN_USE', `${this.id} is dedicated, and another VM has it`);
    }
    if (context || this.#vm?.epoch !== epoch) this.#phys.clear();
    this.#vm = { vmId, epoch, deliver };
    for (const { radio, address, refs } of context?.stations ?? []) {
      if (refs > 0) this.#phy(parseMac(radio))?.uses.set(address, refs);
    }
  }

  removeVm(vmId: string): void {
    if (this.#vm?.vmId !== vmId) return;
    this.#vm = undefined;
    this.#phys.clear();
  }

  /** The addresses that the guest uses; what it does with them, its frames will say. @throws V3Error VM_NOT_FOUND */
  detachVm(vmId: string): RadioContext {
    if (this.#vm?.vmId !== vmId) throw new V3Error('VM_NOT_FOUND', `"${vmId}" is not at ${this.id}`);
    const stations = [...this.#phys].flatMap(([radio, { uses }]) =>
      [...uses].map(([address, refs]) => ({ ...IDLE, radio, address, refs })),
    );
    this.removeVm(vmId);
    return { version: 1, stations: stations.filter(({ address }) => address !== NO_ADDRESS), frames: [] };
  }

  /** An hwsim message of the VM's driver. Nothing is thrown; the bytes are kept until they are sent. */
  fromVm(vmId: string, epoch: number, message: Uint8Array): void {
    const vm = this.#vm;
    if (vm?.vmId !== vmId || vm.epoch !== epoch) {
      this.#stale++;
      return;
    }
    let decoded: HwsimMessage;
    try {
      decoded = decodeHwsim(message);
    } catch {
      this.#drops.malformed++;
      return;
    }
    const phy = this.#phy(decoded.radio);
    if (decoded.kind === 'frame') this.#send(decoded, phy, vm.deliver);
    else if (!phy || !use(phy.uses, formatMac(decoded.address), decoded.kind)) this.#drops.refused++;
  }

  stations(): StationStatus[] {
    const vmId = this.#vm?.vmId ?? '';
    return [...this.#phys.values()].flatMap(({ uses, sent, received, receivedBytes }) =>
      [...uses.keys()].map(address => ({
        ...{ vmId, address, ...UNKNOWN, txFrames: sent.frames, txBytes: sent.bytes, txRetries: sent.retries },
        ...{ txFailed: sent.failed, rxFrames: received, rxBytes: receivedBytes, airtime: sent.airtime },
      })),
    );
  }

  vms(): VmStatus[] {
    const vm = this.#vm;
    return vm ? [{ vmId: vm.vmId, epoch: vm.epoch, monitor: false, drops: { ...this.#drops } }] : [];
  }

  bss(): BssStatus[] {
    return [];
  }

  status(): RadioStatus {
    const { id, txPower } = this;
    const nothing = { switches: 0, unannounced: 0, mergedProbes: 0, replayedBeacons: 0 };
    return { id, txPower, tuned: [], schedule: [], sleeps: false, ...nothing, stale: this.#stale };
  }

  stop(): void {}

  /** Its driver waits for the one answer, wherever the VM is by then. */
  #send(message: HwsimFrame, phy: Phy | undefined, deliver: (message: Uint8Array) => void): void {
    const { frame, freq, rates } = message;
    if (frame.length > LONGEST_FRAME) return deliver(answer(message));
    this.#air.transmit(this, { frame, freq, rates: toAir(rates, freq) }, status => {
      const { tries, acked, airtime } = status;
      const group = isGroupMac(frame, RECEIVER);
      if (phy && tries > 0) charge(phy.sent, { bytes: frame.length, tries, acked, group, airtime });
      deliver(answer(message, status));
    });
  }

  /** @returns undefined when it has too many */
  #phy(bytes: Uint8Array): Phy | undefined {
    const name = formatMac(bytes);
    let phy = this.#phys.get(name);
    if (!phy && this.#phys.size < MAX_PHYS) {
      // The message's memory is the sender's.
      phy = { bytes: bytes.slice(), uses: new Map(), sent: newAccount(), received: 0, receivedBytes: 0 };
      this.#phys.set(name, phy);
    }
    return phy;
  }
}

/** hwsim counts the uses of an address. @returns whether there was room */
function use(uses: Map<string, number>, address: string, kind: 'addMac' | 'delMac'): boolean {
  const count = (uses.get(address) ?? 0) + (kind === 'addMac' ? 1 : -1);
  if (count <= 0) uses.delete(address);
  else if (count === 1 && uses.size >= MAX_ADDRESSES) return false;
  else uses.set(address, count);
  return true;
}

const IDLE = { state: 'idle', sleeps: false, away: false, sequence: 0 } as const;

/** What only who looks into frames would know. */
const UNKNOWN = {
  state: 'idle',
  ...{ bssid: undefined, ssid: undefined, aid: undefined, since: undefined, freq: undefined },
  ...{ signal: undefined, txRate: undefined, rxRate: undefined },
  ...{ powerSave: false, away: false, queued: 0, drops: {} },
} as const;

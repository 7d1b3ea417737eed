import { parseMac } from '@v3vee/wire';
import { Station } from './station';

/** A VM at a radio. */
export interface VmAttachment {
  vmId: string;
  /** Of its ownership: messages of another are dropped. */
  epoch: number;
  /** vMACs it may have, lower case with colons. */
  addresses: readonly string[];
  /** It gets all frames on the radio's channels. */
  monitor?: boolean;
  /** dBm it asks for. */
  txPower?: number;
}

/** Why messages of a VM were dropped before they were of a vMAC. */
export type VmDrop = 'malformed' | 'malformedFrame' | 'spoofed' | 'refused';

/** A radio of the guest's driver (42:00:00:00:nn:00), of the one channel that all its interfaces share. */
export class Phy {
  readonly bytes: Uint8Array;
  readonly stations = new Set<Station>();
  /** A monitor is up without other interfaces. */
  monitors = 0;
  /** A probe request was sent lately. */
  scansUntil = -Infinity;

  constructor(
    readonly name: string,
    readonly vm: VmPort,
  ) {
    this.bytes = parseMac(name);
  }

  /** hwsim begins an address once for an interface and once more for a scan of it, or a random one. */
  scans(now: number): boolean {
    if (now < this.scansUntil) return true;
    for (const { refs, scanOnly } of this.stations) if (refs > 1 || scanOnly) return true;
    return false;
  }

  get hearsAll(): boolean {
    return this.monitors > 0 || this.vm.monitor;
  }
}

/** Radios that a VM's driver may have, and random addresses it may scan with at a time. */
const MAX_PHYS = 16;
const MAX_SCAN_ADDRESSES = 4;

export class VmPort {
  readonly id: string;
  readonly epoch: number;
  readonly allowed: ReadonlySet<string>;
  monitor: boolean;
  txPower: number | undefined;
  readonly phys = new Map<string, Phy>();
  /** It is not at this radio any more. */
  isGone = false;
  readonly drops: Record<VmDrop, number> = { malformed: 0, malformedFrame: 0, spoofed: 0, refused: 0 };

  constructor(
    attachment: VmAttachment,
    readonly deliver: (message: Uint8Array) => void,
  ) {
    this.id = attachment.vmId;
    this.epoch = attachment.epoch;
    this.allowed = new Set(attachment.addresses);
    this.monitor = attachment.monitor ?? false;
    this.txPower = attachment.txPower;
  }

  get stations(): Station[] {
    return [...this.phys.values()].flatMap(phy => [...phy.stations]);
  }

  /** @returns undefined when it has too many */
  phy(name: string): Phy | undefined {
    let phy = this.phys.get(name);
    if (!phy && this.phys.size < MAX_PHYS) this.phys.set(name, (phy = new Phy(name, this)));
    return phy;
  }

  get mayScanWithMore(): boolean {
    return this.stations.filter(({ scanOnly }) => scanOnly).length < MAX_SCAN_ADDRESSES;
  }
}

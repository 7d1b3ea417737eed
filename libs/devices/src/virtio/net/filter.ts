import { NET_HEADER_LENGTH } from './header';

/** Addresses that each table holds; with more, everything of that kind passes (the spec calls filters best-effort). */
export const MAX_TABLE = 64;
export const VLANS = 4096;
const ETHERTYPE = NET_HEADER_LENGTH + 12;
const VLAN_TAG = 0x8100;
const BROADCAST = 0xffffffffffff;

/** Switches of class VIRTIO_NET_CTRL_RX, in the order of their command numbers (virtio 1.2, 5.1.6.5.1). */
export const receiveModes = [
  'promiscuous',
  'allMulticast',
  'allUnicast',
  'noMulticast',
  'noUnicast',
  'noBroadcast',
] as const;
export type ReceiveMode = (typeof receiveModes)[number];

export interface AddressTable {
  /** Addresses as numbers of 48 bits. */
  addresses: number[];
  /** There were more than the table holds: all of the kind pass. */
  overflow: boolean;
}

export interface ReceiveFilterState {
  modes: Record<ReceiveMode, boolean>;
  unicast: AddressTable;
  multicast: AddressTable;
  /** A bit per VLAN, the first in bit 0 of byte 0. */
  vlans: Uint8Array;
}

/** Six bytes at `at` as a number. */
export const macKey = (bytes: Uint8Array, at: number): number =>
  ((bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!) * 0x1000000 +
  ((bytes[at + 3]! << 16) | (bytes[at + 4]! << 8) | bytes[at + 5]!);

const emptyTable = (): AddressTable => ({ addresses: [], overflow: false });
const allOff = () =>
  Object.fromEntries(receiveModes.map(mode => [mode, false])) as Record<ReceiveMode, boolean>;

/**
 * Which frames of the network the card takes: as the driver tells it over the control queue, and until it does,
 * those to the card's own address and broadcasts. Linux's driver sets the modes and both tables when its interface
 * comes up and whenever they change.
 */
export class ReceiveFilter {
  /** Without the control commands of the filters (CTRL_RX, CTRL_VLAN) a driver could not ask for more: all pass. */
  byAddress = false;
  byVlan = false;
  private modes = allOff();
  private unicast = emptyTable();
  private multicast = emptyTable();
  private readonly unicastSet = new Set<number>();
  private readonly multicastSet = new Set<number>();
  private readonly vlans = new Uint8Array(VLANS / 8);

  /**
   * @param frame `[virtio_net_hdr][Ethernet frame]`
   * @param own the card's address as {@link macKey} gives it
   */
  accepts(frame: Uint8Array, own: number): boolean {
    const { modes } = this;
    if (modes.promiscuous) return true;
    if (this.byVlan && !this.acceptsVlan(frame)) return false;
    if (!this.byAddress) return true;
    const to = macKey(frame, NET_HEADER_LENGTH);
    if (to === BROADCAST) return !modes.noBroadcast;
    if (frame[NET_HEADER_LENGTH]! & 1) {
      if (modes.noMulticast) return false;
      return modes.allMulticast || this.multicast.overflow || this.multicastSet.has(to);
    }
    if (modes.noUnicast) return false;
    return to === own || modes.allUnicast || this.unicast.overflow || this.unicastSet.has(to);
  }

  setMode(mode: ReceiveMode, on: boolean): void {
    this.modes[mode] = on;
  }

  setTables(unicast: number[], multicast: number[]): void {
    this.unicast = toTable(unicast);
    this.multicast = toTable(multicast);
    fill(this.unicastSet, this.unicast);
    fill(this.multicastSet, this.multicast);
  }

  setVlan(vlan: number, accepted: boolean): void {
    if (accepted) this.vlans[vlan >> 3]! |= 1 << (vlan & 7);
    else this.vlans[vlan >> 3]! &= ~(1 << (vlan & 7));
  }

  reset(): void {
    this.modes = allOff();
    this.setTables([], []);
    this.vlans.fill(0);
  }

  save(): ReceiveFilterState {
    const { modes, unicast, multicast, vlans } = this;
    return structuredClone({ modes, unicast, multicast, vlans });
  }

  restore(state: ReceiveFilterState): void {
    const { modes, unicast, multicast, vlans } = structuredClone(state);
    Object.assign(this, { modes, unicast, multicast });
    fill(this.unicastSet, unicast);
    fill(this.multicastSet, multicast);
    this.vlans.set(vlans);
  }

  private acceptsVlan(frame: Uint8Array): boolean {
    if (((frame[ETHERTYPE]! << 8) | frame[ETHERTYPE + 1]!) !== VLAN_TAG) return true;
    const vlan = ((frame[ETHERTYPE + 2]! << 8) | (frame[ETHERTYPE + 3] ?? 0)) & (VLANS - 1);
    return (this.vlans[vlan >> 3]! & (1 << (vlan & 7))) !== 0;
  }
}

const toTable = (addresses: number[]): AddressTable =>
  addresses.length > MAX_TABLE ? { addresses: [], overflow: true } : { addresses, overflow: false };

function fill(set: Set<number>, { addresses }: AddressTable): void {
  set.clear();
  for (const address of addresses) set.add(address);
}

/** Whether a state from outside is one of a filter. */
export function isFilterState(saved: unknown): saved is ReceiveFilterState {
  const state = saved as Partial<ReceiveFilterState> | null | undefined;
  if (typeof state !== 'object' || state === null) return false;
  return (
    receiveModes.every(mode => typeof state.modes?.[mode] === 'boolean') &&
    isTable(state.unicast) &&
    isTable(state.multicast) &&
    state.vlans instanceof Uint8Array &&
    state.vlans.length === VLANS / 8
  );
}

const isTable = (table: AddressTable | undefined): boolean =>
  typeof table?.overflow === 'boolean' &&
  Array.isArray(table.addresses) &&
  table.addresses.length <= MAX_TABLE &&
  table.addresses.every(address => Number.isInteger(address) && address >= 0 && address <= BROADCAST);

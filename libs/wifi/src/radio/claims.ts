import { formatMac, isGroupMac, type HwsimMacUse } from '@v3vee/wire';
import { Station } from './station';
import type { Phy, VmPort } from './vm-port';

/** What a monitor without other interfaces has. */
const NO_ADDRESS = '00:00:00:00:00:00';

/** Which vMAC is whose: the binding of VMs and addresses, and the counting of their uses. */
export class Claims {
  readonly stations = new Map<string, Station>();
  /** Addresses that VMs own, begun or not. */
  readonly #owners = new Map<string, VmPort>();

  /** @returns the address that another VM at this radio owns, if there is one */
  conflict(vm: VmPort, replaced: VmPort | undefined): string | undefined {
    return [...vm.allowed].find(address => {
      const owner = this.#owners.get(address);
      return owner && owner !== vm && owner !== replaced;
    });
  }

  own(vm: VmPort): void {
    for (const address of vm.allowed) {
      this.#owners.set(address, vm);
      // Somebody's random address met it.
      const taken = this.stations.get(address);
      if (taken && taken.vm !== vm) this.remove(taken);
    }
  }

  disown(vm: VmPort): void {
    for (const address of vm.allowed) if (this.#owners.get(address) === vm) this.#owners.delete(address);
  }

  /** @returns whether the guest may */
  begin(vm: VmPort, { radio, address: bytes }: HwsimMacUse): boolean {
    const address = formatMac(bytes);
    const phy = vm.phy(formatMac(radio));
    if (!phy) return false;
    if (address === NO_ADDRESS) {
      phy.monitors++;
      return true;
    }
    const known = this.stations.has(address);
    const station = this.ownOf(vm, phy, address) ?? this.#random(vm, phy, bytes);
    if (station && !known) Object.assign(station, { refs: 0, isAssumed: false });
    if (!station) return false;
    // Of an association one knows that its interface began; what begins now is a scan.
    const isKnown = station.isAssumed && station.state === 'idle';
    if (!isKnown) station.refs++;
    station.isAssumed = false;
    return true;
  }

  /** @returns the station that is over, if it is */
  end(vm: VmPort, { radio, address: bytes }: HwsimMacUse): Station | undefined {
    const address = formatMac(bytes);
    if (address === NO_ADDRESS) {
      const phy = vm.phys.get(formatMac(radio));
      if (phy && phy.monitors > 0) phy.monitors--;
      return undefined;
    }
    const station = this.stations.get(address);
    // One that was begun elsewhere, before it was here, may end more often than it began.
    if (station?.vm !== vm || --station.refs > 0) return undefined;
    this.remove(station);
    return station;
  }

  /** The station of an address that the VM owns. One that is seen for the first time began before this radio was there. */
  ownOf(vm: VmPort, phy: Phy, address: string): Station | undefined {
    const known = this.stations.get(address);
    if (known) return known.vm === vm ? known : undefined;
    if (!vm.allowed.has(address)) return undefined;
    return Object.assign(this.#add(new Station(address, vm, phy)), { refs: 1, isAssumed: true });
  }

  remove(station: Station): void {
    station.phy.stations.delete(station);
    if (this.stations.get(station.address) === station) this.stations.delete(station.address);
  }

  #random(vm: VmPort, phy: Phy, bytes: Uint8Array): Station | undefined {
    const address = formatMac(bytes);
    const isTaken = isGroupMac(bytes) || this.#owners.has(address) || this.stations.has(address);
    return isTaken || !vm.mayScanWithMore ? undefined : this.#add(new Station(address, vm, phy, true));
  }

  #add(station: Station): Station {
    this.stations.set(station.address, station);
    station.phy.stations.add(station);
    return station;
  }
}

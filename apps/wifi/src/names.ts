import { accessPointId } from '@v3vee/contracts';

/** Who is behind an address: what people read instead of it. */
export class Names {
  private readonly nics = new Map<string, string>();
  private readonly accessPoints = new Map<string, string>();

  /** @param address lower case with colons */
  addNic(address: string, vm: string, index: number): void {
    this.nics.set(address, `${vm}/wlan${index}`);
  }
  removeNic(address: string): void {
    this.nics.delete(address);
  }
  addAccessPoint(bssid: string, name: string): void {
    this.accessPoints.set(bssid, accessPointId(name));
  }
  removeAccessPoint(bssid: string): void {
    this.accessPoints.delete(bssid);
  }

  /** `a1/wlan0`; null: no VM of this cluster. */
  nic(address: string): string | null {
    return this.nics.get(address) ?? null;
  }
  /** Whose BSSID it is: `ap/home`, or a NIC (hostapd in a VM). */
  bss(bssid: string): string | null {
    return this.accessPoints.get(bssid) ?? this.nic(bssid);
  }
}

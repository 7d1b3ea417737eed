import {
  nicSettings,
  serviceAddress,
  serviceDomain,
  yieldSettings,
  type CardAccess,
  type CardModel,
  type DeviceSpec,
  type FailoverPolicy,
  type NicSettings,
  type PhysicalNic,
  type YieldSettings,
} from '@v3vee/contracts';
import type { NetworkEntity, NicEntity, VmEntity } from './entities';

/** A NIC of a VM, with what its network means on the wire. */
export interface NicDefinition {
  /** 0 for eth0. */
  index: number;
  networkId: string;
  network: string;
  /** The network's number, 24 bits. */
  vni: number;
  /** Lower case with colons. */
  mac: string;
  /** With prefix length, `10.10.0.11/24`; null: the guest gets no address from its definition. */
  ip: string | null;
  /** Whether its network lends it an address, since it is defined without one. */
  dhcp: boolean;
  /** Where its network answers DNS, and under which domain; null: it does not. */
  dns: { server: string; domain: string } | null;
  /** Complete: what was not set is as by default. */
  settings: NicSettings;
  /** A physical NIC of the owner host, by name, and how it is used; null: a virtio NIC. */
  device: string | null;
  access: CardAccess | null;
  /** What that physical NIC is; null: a virtio NIC. */
  model: CardModel | null;
}

/** A Wi-Fi NIC of a VM. */
export interface WifiNicDefinition {
  /** 0 for wlan0. */
  index: number;
  /** Of the owner host, by name. */
  radio: string;
  /** That the guest joins; null: it is left to do as it likes. */
  ssid: string | null;
  /** Of WPA2-PSK; null: open. A secret. */
  passphrase: string | null;
  /** Its vMAC, lower case with colons. */
  mac: string;
  /** With prefix length, `10.10.0.11/24`; null: none, or by DHCP. */
  ip: string | null;
  dhcp: boolean;
}

/** A disk of a VM. */
export interface DiskDefinition {
  /** 0 for vda. */
  index: number;
  /** Its content belongs to this. */
  id: string;
  name: string;
  bytes: number;
  readOnly: boolean;
  /** A disc in the CD drive, from which the VM boots; read only. */
  cdrom: boolean;
  /** Where a guest that listens mounts it; null: nowhere in particular. */
  mount: string | null;
  /** Whether the guest keeps its own files on it. */
  root: boolean;
  /** The image that it is a copy of, by the name that had; null: it was blank. */
  image: string | null;
  /** Layers of that image, from the top downwards. */
  base: string[];
}

/** All that Palacios needs to build the machine. */
export interface VmDefinition {
  id: string;
  name: string;
  project: string;
  /** Where it is declared to run. */
  host: string;
  /** The one host that may run it. */
  ownerHost: string;
  epoch: number;
  memoryMiB: number;
  image: string;
  autostart: boolean;
  boot: 'template' | 'cold';
  /** By index. */
  nics: NicDefinition[];
  /** By index. */
  wifi: WifiNicDefinition[];
  /** When its core gives way to others; complete. */
  yield: YieldSettings;
  /** Beyond its NICs, in order. */
  devices: DeviceSpec[];
  /** By index. */
  disks: DiskDefinition[];
  managed: boolean;
  /** What becomes of it when its host is lost. */
  failover: FailoverPolicy;
  /** Seconds between two checkpoints; null but for the policy `checkpoint`. */
  checkpointEvery: number | null;
  createdAt: Date;
  updatedAt: Date;
}

/** As the store has it. Lists are by index; no columns of a VM are missing, and none is more. */
export type VmRow = VmEntity &
  Pick<VmDefinition, 'wifi' | 'disks'> & {
    nics: (Pick<NicEntity, 'index' | 'networkId' | 'mac' | 'ip' | 'settings' | 'device' | 'access'> & {
      network: Pick<NetworkEntity, 'name' | 'vni' | 'subnet' | 'dhcp' | 'dns'>;
    })[];
    /** The physical NICs of its owner host. */
    ownerNics: PhysicalNic[];
  };

export function toDefinition({ nics, ownerNics, ...vm }: VmRow): VmDefinition {
  return {
    ...vm,
    yield: yieldSettings.parse(vm.yield),
    nics: nics.map(({ index, networkId, network, mac, ip, settings, device, access }) => ({
      index,
      networkId,
      network: network.name,
      vni: network.vni,
      mac,
      ip,
      dhcp: network.dhcp && ip === null,
      dns:
        network.dns && network.subnet !== null
          ? { server: serviceAddress(network.subnet), domain: serviceDomain(network.name) }
          : null,
      settings: nicSettings.parse(settings),
      device,
      access,
      model: ownerNics.find(({ name }) => name === device)?.model ?? null,
    })),
  };
}

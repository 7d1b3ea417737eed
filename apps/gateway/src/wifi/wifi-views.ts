import {
  accessPointId,
  radioId,
  securityOf,
  type AccessPoint,
  type AirtimeEntry,
  type RadioConfig,
  type RadioView,
  type Station,
  type StationStatus,
} from '@v3vee/contracts';
import type { AccessPointRecord, VmDefinition, WifiNicDefinition } from '@v3vee/store';
import type { WifiStatus } from './wifi-client';

/** @param nics that use it by definition @param status null: the wifi service does not answer */
export function radioView(radio: RadioConfig, nics: number, status: WifiStatus | null): RadioView {
  const told = status?.radios.find(({ id }) => id === radio.id);
  if (!told) return { ...radio, state: 'UNKNOWN', status: null, nics };
  const { id: _, bss: __, ...rest } = told;
  return { ...radio, state: 'READY', status: rest, nics };
}

/** Without its passphrase. @param status null: the wifi service does not answer */
export function accessPointView(record: AccessPointRecord, status: WifiStatus | null): AccessPoint {
  const { name, bssid, ssid, passphrase, channel, network, position, txPower, beaconInterval, hidden } =
    record;
  const told = status?.accessPoints.find(accessPoint => accessPoint.name === name);
  const silence = status ? 'the wifi service has it not yet' : 'the wifi service does not answer';
  return {
    ...{ name, bssid, ssid, security: securityOf(passphrase), channel, network },
    ...{ position, txPower, beaconInterval, hidden },
    state: told?.state ?? 'UNKNOWN',
    reason: told?.reason ?? silence,
    stations: told?.stations ?? [],
    counters: told?.counters ?? null,
    airtime: told?.airtime ?? null,
    createdAt: record.createdAt.toISOString(),
  };
}

/** @param status null: the wifi service does not answer */
export function stationView(vm: VmDefinition, nic: WifiNicDefinition, status: WifiStatus | null): Station {
  const told = status?.stations.find(({ vmId, index }) => vmId === vm.id && index === nic.index);
  return {
    name: nicName(vm.name, nic.index),
    vm: vm.name,
    host: vm.ownerHost,
    radio: radioId(vm.ownerHost, nic.radio),
    mac: nic.mac,
    declared: nic.ssid,
    state: told?.state ?? (status ? 'DETACHED' : 'UNKNOWN'),
    status: told ? connection(told) : null,
  };
}

function connection(told: StationStatus): Station['status'] {
  const { vmId: _, index: __, radio: ___, address: ____, state: _____, ...rest } = told;
  return rest;
}

/** Of every Wi-Fi NIC that is attached and every access point. @param names of VMs by id */
export function airtimeEntries(
  { stations, accessPoints }: WifiStatus,
  defined: readonly AccessPointRecord[],
  names: ReadonlyMap<string, string>,
): AirtimeEntry[] {
  return [
    ...stations.map(({ radio, vmId, index, address, channel, counters, airtime }) => ({
      ...{ antenna: radio, name: nicName(names.get(vmId) ?? vmId, index), address, channel },
      ...use(counters, airtime),
    })),
    ...accessPoints.flatMap(({ name, counters, airtime }) => {
      const record = defined.find(each => each.name === name);
      if (!record) return [];
      const id = accessPointId(name);
      const { bssid: address, channel } = record;
      return [{ antenna: id, name: id, address, channel, ...use(counters, airtime) }];
    }),
  ];
}

function use(counters: StationStatus['counters'], { airtimeUs, share }: StationStatus['airtime']) {
  const { transmitFrames: frames, transmitBytes: bytes, retries, failed } = counters;
  return { airtimeUs, share, frames, bytes, retries, failed };
}

export const nicName = (vm: string, index: number): string => `${vm}/wlan${index}`;

import {
  type Disk,
  describeCard,
  type Host,
  type Image,
  type Network,
  type Operation,
  type Snapshot,
  type SnapshotDetail,
  type Vm,
} from '@v3vee/contracts';
import { paintState } from './terminal/colour';
import { formatAge, formatBytes, formatMiB, formatMilliseconds } from './terminal/quantities';
import type { Column } from './terminal/table';

const state = (text: string) => paintState(text, process.stdout);

export const hostColumns: Column<Host>[] = [
  { title: 'NAME', value: host => host.name },
  { title: 'STATE', value: host => host.state, paint: state },
  { title: 'CORDONED', value: host => (host.cordoned ? 'yes' : 'no') },
  { title: 'VMS', value: host => host.vms },
  { title: 'MEMORY', value: host => formatMiB(host.memoryMiB) },
  { title: 'FREE', value: host => formatMiB(host.memoryFreeMiB) },
  { title: 'CORES', value: host => host.cores },
  { title: 'FREE-CORES', value: host => host.coresFree },
  { title: 'REASON', value: host => host.reason },
  { title: 'LEASE', value: leaseWords, wide: true },
  { title: 'LARGEST-HOLE', value: host => formatMiB(host.memoryLargestHoleMiB), wide: true },
  { title: 'NICS', value: host => host.nics.map(describeCard).join(', '), wide: true },
  { title: 'RADIOS', value: host => host.radios.map(radio => radio.name).join(','), wide: true },
];

export const networkColumns: Column<Network>[] = [
  { title: 'NAME', value: network => network.name },
  { title: 'SUBNET', value: network => network.subnet ?? '' },
  { title: 'NICS', value: network => network.nics },
  { title: 'SERVICES', value: services },
  { title: 'AGE', value: network => formatAge(network.createdAt) },
  { title: 'PROJECT', value: network => network.project, wide: true },
  { title: 'ID', value: network => network.id, wide: true },
];

export const vmColumns: Column<Vm>[] = [
  { title: 'NAME', value: vm => vm.name },
  { title: 'HOST', value: vm => vm.host },
  { title: 'STATE', value: vm => vm.state, paint: state },
  { title: 'AGENT', value: vm => (vm.agent ? 'yes' : 'no') },
  { title: 'MEMORY', value: vm => formatMiB(vm.memoryMiB) },
  { title: 'IPS', value: vm => [...vm.nics, ...vm.wifi].flatMap(nic => nic.ips).join(',') },
  { title: 'UP', value: vm => (vm.state === 'RUNNING' ? formatAge(vm.startedAt) : '') },
  { title: 'REASON', value: vm => vm.reason },
  { title: 'IMAGE', value: vm => vm.image, wide: true },
  {
    title: 'NICS',
    value: vm => vm.nics.map(nicWords).join(','),
    wide: true,
  },
  { title: 'WIFI', value: vm => vm.wifi.map(wifiWords).join(','), wide: true },
  { title: 'BOOT', value: vm => vm.boot, wide: true },
  { title: 'FAILOVER', value: failoverWords, wide: true },
  { title: 'AUTOSTART', value: vm => (vm.autostart ? 'yes' : 'no'), wide: true },
  { title: 'CORE', value: vm => vm.core ?? '', wide: true },
  { title: 'EPOCH', value: vm => vm.epoch, wide: true },
  { title: 'PROJECT', value: vm => vm.project, wide: true },
  { title: 'ID', value: vm => vm.id, wide: true },
];

export const imageColumns: Column<Image>[] = [
  { title: 'NAME', value: image => image.name },
  { title: 'KIND', value: image => image.kind },
  { title: 'AGENT', value: image => (image.agent ? 'yes' : 'no') },
  { title: 'KERNEL', value: image => formatBytes(image.kernelBytes) },
  { title: 'INITRD', value: image => formatBytes(image.initrdBytes) },
  { title: 'AGE', value: image => formatAge(image.createdAt) },
  { title: 'CMDLINE', value: image => image.cmdline, wide: true },
  { title: 'DIGEST', value: image => image.digest, wide: true },
];

export const snapshotColumns: Column<Snapshot>[] = [
  { title: 'NAME', value: snapshot => snapshot.name },
  { title: 'KIND', value: snapshot => snapshot.kind, wide: true },
  { title: 'VM', value: snapshot => snapshot.vmName },
  { title: 'HOST', value: snapshot => snapshot.host },
  { title: 'MEMORY', value: snapshot => formatMiB(snapshot.memoryMiB) },
  { title: 'SIZE', value: snapshot => formatBytes(snapshot.bytes) },
  { title: 'AGE', value: snapshot => formatAge(snapshot.createdAt) },
  { title: 'ID', value: snapshot => snapshot.id },
  { title: 'IMAGE', value: snapshot => snapshot.image, wide: true },
  { title: 'DIGEST', value: snapshot => snapshot.digest, wide: true },
];

/** Bytes are on disk; pages have 4 KiB in memory. */
export const snapshotDetailColumns: Column<SnapshotDetail>[] = [
  ...snapshotColumns,
  { title: 'PAGES', value: ({ pages, newPages }) => `${pages}, ${newPages} of them new when it was taken` },
  { title: 'PAUSE', value: ({ pauseMs }) => (pauseMs === null ? '' : formatMilliseconds(pauseMs)) },
  { title: 'PARENT', value: ({ parent }) => parent ?? '' },
  { title: 'UNIQUE', value: ({ storage: of }) => (of ? share(of.uniqueBytes, of.uniquePages) : '') },
  { title: 'SHARED', value: ({ storage: of }) => (of ? share(of.sharedBytes, of.sharedPages) : '') },
];

export const diskColumns: Column<Disk>[] = [
  { title: 'NAME', value: disk => disk.name },
  { title: 'SIZE', value: disk => formatBytes(disk.bytes) },
  { title: 'STORED', value: disk => formatBytes(disk.storedBytes) },
  {
    title: 'MODE',
    value: disk => (disk.vm === null ? 'image' : disk.readOnly ? 'read only' : 'read, write'),
  },
  { title: 'USED BY', value: disk => disk.usedBy.join(', ') },
  { title: 'AGE', value: disk => formatAge(disk.createdAt) },
];

export const operationColumns: Column<Operation>[] = [
  { title: 'ID', value: operation => operation.id },
  { title: 'VERB', value: operation => operation.verb },
  { title: 'TARGET', value: operation => operation.target },
  {
    title: 'STATE',
    value: outcome,
    paint: text => (text === 'failed' ? state('ERROR').replace('ERROR', text) : text),
  },
  { title: 'AGE', value: operation => formatAge(operation.createdAt) },
  { title: 'DETAIL', value: operation => operation.error?.detail ?? operation.progress },
];

const share = (bytes: number, pages: number) => `${formatBytes(bytes)} (${pages} pages)`;

/** `eth0=lan/02:…`, of a physical card with its name on the host: `eth1=lan/02:…@eth0(rtl8139,vpio)`. */
function nicWords({ name, network, mac, device, model, access }: Vm['nics'][number]): string {
  return `${name}=${network}/${mac}${device === null ? '' : `@${device}(${model},${access})`}`;
}

/** `wlan0=home/02:…@radio0`. */
function wifiWords({ name, ssid, mac, radio }: Vm['wifi'][number]): string {
  return `${name}=${ssid ?? ''}/${mac}@${radio}`;
}

function leaseWords({ lease, leaseExpiresAt }: Host): string {
  return leaseExpiresAt === null ? lease : `${lease} until ${leaseExpiresAt}`;
}

function failoverWords({ failover, checkpointEvery }: Vm): string {
  return checkpointEvery === null ? failover : `${failover}, every ${checkpointEvery} s`;
}

function services({ dhcp, dns, serviceAddress }: Network): string {
  const names = [dhcp && 'dhcp', dns && 'dns'].filter(Boolean).join(',');
  return names && `${names} at ${serviceAddress}`;
}

function outcome(operation: Operation): string {
  if (operation.error) return 'failed';
  return operation.done ? 'done' : 'running';
}

/**
 * cluster.yaml: hosts, networks and VMs as a user declares them. One schema for the file, for
 * `POST /v1/cluster:apply`, and for what the supervisor starts.
 */
import { z } from 'zod';
import { overcommit, schedHz } from './host-kernel';
import { diskSpecs } from './disks';
import { isServiceMac, serviceAddressProblem, serviceProblem } from './network-services';
import { machineFields } from './machine';
import { inSubnet, memoryMiB, resourceName } from './quantities';
import {
  failoverProblem,
  guestMemory,
  inProject,
  networkSpec,
  nicSpec,
  physicalNic,
  vmSpec,
} from './resources';
import { DEFAULT_PROJECT } from './access';
import { checkCards } from './topology-cards';
import { checkOverlay, vnetEntry } from './topology-vnet';
import { accessPointEntries, checkWifi } from './topology-wifi';
import { radio, wifiNicSpecs } from './wifi';

/** Memory that Kitten keeps for itself (kernel text, data, boot structures), in MiB. */
export const KITTEN_RESERVED_MIB = 16;

export const hostSpec = z.strictObject({
  memory: memoryMiB
    .refine(mib => mib > KITTEN_RESERVED_MIB, {
      message: `a host needs more than the ${KITTEN_RESERVED_MIB} MiB that Kitten keeps for itself`,
    })
    .default(1024),
  cores: z.int().min(1).max(256).default(8),
  overcommit: overcommit.optional().describe('guests that a core takes (default 1)'),
  schedHz: schedHz
    .optional()
    .describe('how often a second guests on one core take turns (default V3_SCHED_HZ)'),
  nics: z.array(physicalNic).default([]),
  radios: z.array(radio).default([]),
});
export type HostSpec = z.infer<typeof hostSpec>;

const vmEntry = z.strictObject({
  project: inProject,
  host: resourceName,
  memory: guestMemory.default(64),
  image: resourceName.default('debian'),
  nics: z.array(nicSpec).max(4, 'a VM has at most 4 NICs').default([]),
  wifi: wifiNicSpecs.default([]),
  disks: diskSpecs.default([]),
  autostart: z.boolean().default(true),
  boot: vmSpec.shape.boot,
  failover: vmSpec.shape.failover,
  checkpointEvery: vmSpec.shape.checkpointEvery,
  ...machineFields,
});

const shape = z.strictObject({
  hosts: z.record(
    resourceName,
    hostSpec.nullable().transform(value => value ?? hostSpec.parse({})),
  ),
  networks: z
    .record(
      resourceName,
      networkSpec
        .omit({ name: true })
        .nullable()
        .transform(value => value ?? { dhcp: false, dns: false }),
    )
    .default({}),
  accessPoints: accessPointEntries,
  vms: z.record(resourceName, vmEntry).default({}),
  vnet: vnetEntry,
});

type Path = (string | number)[];

/** What no single field can know: references, duplicates, and that the declared VMs fit their hosts. */
export const topology = shape.superRefine((cluster, ctx) => {
  const complain = (path: Path, message: string) => ctx.addIssue({ code: 'custom', path, message });
  const known = (names: object) => Object.keys(names).join(', ') || 'none';
  if (Object.keys(cluster.hosts).length === 0) complain(['hosts'], 'a cluster needs at least one host');

  for (const [name, network] of Object.entries(cluster.networks)) {
    const problem = serviceProblem(network);
    if (problem) complain(['networks', name], problem);
  }

  const macs = new Map<string, string>();
  const ips = new Map<string, string>();
  const memory = new Map<string, number>();
  for (const [name, vm] of Object.entries(cluster.vms)) {
    if (!Object.hasOwn(cluster.hosts, vm.host)) {
      complain(['vms', name, 'host'], `there is no host "${vm.host}"; hosts are: ${known(cluster.hosts)}`);
    }
    const failover = failoverProblem(vm);
    if (failover) complain(['vms', name, ...failover.path], failover.message);
    memory.set(vm.host, (memory.get(vm.host) ?? 0) + vm.memory);
    vm.nics.forEach((nic, index) => {
      const at: Path = ['vms', name, 'nics', index];
      const where = `vms.${name}.nics[${index}]`;
      const network = Object.hasOwn(cluster.networks, nic.network)
        ? cluster.networks[nic.network]
        : undefined;
      if (!network) {
        complain(
          [...at, 'network'],
          `there is no network "${nic.network}"; networks are: ${known(cluster.networks)}`,
        );
      }
      const [own, other] = [vm.project ?? DEFAULT_PROJECT, network?.project ?? DEFAULT_PROJECT];
      if (network && own !== other) {
        complain(
          [...at, 'network'],
          `network "${nic.network}" is of project ${other}, but ${name} of project ${own}; both are of one`,
        );
      }
      if (nic.mac && isServiceMac(nic.mac))
        complain(
          [...at, 'mac'],
          `${nic.mac} is of the range of network services; choose for example one that begins with 02`,
        );
      if (nic.mac) {
        const other = macs.get(nic.mac);
        if (other)
          complain([...at, 'mac'], `MAC ${nic.mac} is already used by ${other}; each NIC needs its own`);
        macs.set(nic.mac, where);
      }
      if (nic.ip) {
        const key = `${nic.network}/${nic.ip.split('/')[0]}`;
        const other = ips.get(key);
        if (other)
          complain([...at, 'ip'], `IP ${nic.ip} is already used by ${other} on network ${nic.network}`);
        ips.set(key, where);
        const taken = network && serviceAddressProblem(nic.ip, network);
        if (taken) complain([...at, 'ip'], taken);
        if (network?.subnet && !inSubnet(nic.ip, network.subnet)) {
          complain([...at, 'ip'], `IP ${nic.ip} is not in network ${nic.network}'s subnet ${network.subnet}`);
        }
      }
    });
  }
  checkCards(cluster, complain);
  checkWifi(cluster, { macs, ips }, complain);
  checkOverlay(cluster, (path, message) => complain(['vnet', ...path], message));
  for (const [name, host] of Object.entries(cluster.hosts)) {
    const asked = memory.get(name) ?? 0;
    const usable = host.memory - KITTEN_RESERVED_MIB;
    if (asked > usable) {
      complain(
        ['hosts', name, 'memory'],
        `the VMs of host ${name} ask for ${asked} MiB, but of its ${host.memory} MiB only ${Math.max(usable, 0)} MiB ` +
          `are for guests (Kitten keeps ${KITTEN_RESERVED_MIB}); give the host more memory or the VMs less`,
      );
    }
    const guests = Object.values(cluster.vms).filter(vm => vm.host === name && vm.autostart).length;
    const { overcommit = 1 } = host;
    if (guests > host.cores * overcommit) {
      const each = overcommit === 1 ? 'each VM takes one' : `${overcommit} VMs share one`;
      complain(
        ['hosts', name, 'cores'],
        `${guests} VMs start on host ${name}, which has ${host.cores} cores; ${each}`,
      );
    }
  }
});

export type Topology = z.infer<typeof topology>;

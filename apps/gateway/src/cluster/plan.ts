import {
  V3Error,
  verbStates,
  type HostSpec,
  type NicSettingsPatch,
  type NetworkSpec,
  type Topology,
  type VmPatch,
  type VmSpec,
} from '@v3vee/contracts';
import type { HostEntity, HostRecord, NetworkEntity, VmDefinition } from '@v3vee/store';
import { describePolicy, policyOf } from '../failover/policy';
import { settingsDifference } from '../vms/nic-settings.service';
import { changesOfMachine } from '../vms/vm-definitions.service';
import type { VmCondition } from '../vms/vm-view';
import { cardsThere, changesCard, refuseToTakeCards, withGoingCards } from './plan-cards';
import { refuseToTakeRadios, withGoingRadios, withPositions } from './plan-radios';

/** What is there. */
export interface Present {
  hosts: HostEntity[];
  networks: NetworkEntity[];
  vms: { vm: VmDefinition; condition: VmCondition }[];
}

export interface Described {
  /** What differs, in words. */
  detail: string;
}
export interface VmUpdate extends Described {
  vm: VmDefinition;
  patch: VmPatch & { managed?: boolean };
  /** It does not run while it is changed. */
  stop: boolean;
}

/** A running VM that differs in nothing but its host: it goes there as it runs. */
export interface VmMove {
  vm: VmDefinition;
  target: string;
  /** Which card of the target each of its physical NICs becomes, by index. */
  cards: ReadonlyMap<number, string>;
}

/** The difference between what is declared and what is there; nothing in it means that they agree. */
export interface ClusterPlan {
  /** `first` until no VM uses cards and radios that are no longer declared, then `host`. */
  saveHosts: (Described & { host: HostRecord; first: HostRecord; isNew: boolean })[];
  removeHosts: string[];
  createNetworks: NetworkSpec[];
  updateNetworks: (Described & {
    network: NetworkEntity;
    changes: { subnet: string | null; dhcp: boolean; dns: boolean; managed: boolean };
  })[];
  removeNetworks: NetworkEntity[];
  removeVms: { vm: VmDefinition; live: boolean }[];
  moveVms: VmMove[];
  /** After the moves. */
  updateVms: VmUpdate[];
  /** NIC settings, which are changed while the VM does whatever it does. */
  setNics: (Described & { vm: VmDefinition; index: number; patch: NicSettingsPatch })[];
  createVms: VmSpec[];
  /** Names; in the order they are declared. */
  startVms: string[];
}

/**
 * What must be done so that what is there becomes what is declared. VMs and networks made by hand are left
 * alone, unless the declaration has one of the same name: then it is adopted.
 * @throws V3Error HOST_IN_USE, NETWORK_IN_USE, DEVICE_IN_USE when something made by hand needs what is no longer declared
 */
export function planCluster(declared: Topology, present: Present): ClusterPlan {
  const hosts = new Map(present.hosts.map(host => [host.name, host]));
  const networks = new Map(present.networks.map(network => [network.name, network]));
  const vms = new Map(present.vms.map(entry => [entry.vm.name, entry]));
  const plan: ClusterPlan = {
    saveHosts: [],
    removeHosts: present.hosts.map(({ name }) => name).filter(name => !declared.hosts[name]),
    createNetworks: [],
    updateNetworks: [],
    removeNetworks: present.networks.filter(({ name, managed }) => managed && !declared.networks[name]),
    removeVms: present.vms
      .filter(({ vm }) => vm.managed && !declared.vms[vm.name])
      .map(({ vm, condition }) => ({ vm, live: condition.state !== 'STOPPED' })),
    moveVms: [],
    updateVms: [],
    setNics: [],
    createVms: [],
    startVms: [],
  };

  for (const [name, spec] of Object.entries(declared.hosts)) {
    const known = hosts.get(name);
    const host = withPositions(hostRecord(name, spec), known);
    const first = withGoingRadios(withGoingCards(host, known), known);
    const detail = hostDifference(known, host);
    if (detail) plan.saveHosts.push({ host, first, isNew: !known, detail });
  }

  for (const [name, { subnet = null, dhcp, dns, project }] of Object.entries(declared.networks)) {
    const network = networks.get(name);
    if (!network) {
      plan.createNetworks.push({ name, project, dhcp, dns, ...(subnet === null ? {} : { subnet }) });
      continue;
    }
    const differs = network.subnet !== subnet;
    const detail = words(
      differs && `subnet ${network.subnet ?? 'none'} → ${subnet ?? 'none'}`,
      network.dhcp !== dhcp && `dhcp ${network.dhcp} → ${dhcp}`,
      network.dns !== dns && `dns ${network.dns} → ${dns}`,
      !network.managed && 'now managed by the cluster file',
    );
    if (detail) plan.updateNetworks.push({ network, changes: { subnet, dhcp, dns, managed: true }, detail });
  }

  for (const [name, entry] of Object.entries(declared.vms)) {
    const { memory, ...rest } = entry;
    const spec: VmSpec = { name, memoryMiB: memory, ...rest };
    const known = vms.get(name);
    if (!known) {
      plan.createVms.push(spec);
      if (spec.autostart) plan.startVms.push(name);
      continue;
    }
    const { condition } = known;
    const move = vmMove(known, spec, declared.hosts, present.vms);
    if (move) plan.moveVms.push(move);
    const vm = move ? afterMove(move) : known.vm;
    const update = vmUpdate(vm, spec, condition, declared.hosts);
    if (update) plan.updateVms.push(update);
    if (!update?.patch.nics) plan.setNics.push(...nicChanges(vm, spec));
    const comesUp = update?.stop || (spec.autostart && condition.state === 'STOPPED');
    if ((update || condition.fresh) && comesUp) plan.startVms.push(name);
  }

  refuseToBreak(plan, declared, present);
  return plan;
}

function hostRecord(name: string, { memory, cores, nics, radios }: HostSpec): HostRecord {
  return { name, memoryMiB: memory, cores, nics, radios };
}

function hostDifference(present: HostEntity | undefined, declared: HostRecord): string {
  const { memoryMiB, cores, nics, radios } = declared;
  if (!present) return `${memoryMiB} MiB, ${cores} cores`;
  const differ = (a: unknown, b: unknown) => JSON.stringify(a) !== JSON.stringify(b);
  return words(
    present.memoryMiB !== memoryMiB && `memory ${present.memoryMiB} → ${memoryMiB} MiB`,
    present.cores !== cores && `cores ${present.cores} → ${cores}`,
    differ(sorted(present.nics), sorted(nics)) && 'physical NICs',
    differ(sorted(present.radios), sorted(radios)) && 'radios',
  );
}

function vmMove(
  { vm, condition }: Present['vms'][number],
  spec: VmSpec,
  hosts: Topology['hosts'],
  present: Present['vms'],
): VmMove | undefined {
  const { name: _, project: __, host: target, ...wanted } = spec;
  const allowed: readonly string[] = verbStates.migrate;
  if (target === vm.ownerHost || !allowed.includes(condition.state)) return undefined;
  const cards = cardsThere(vm, spec, hosts, present);
  if (!cards) return undefined;
  const move = { vm, target, cards };
  return changesOfMachine(afterMove(move), wanted).length === 0 ? move : undefined;
}

const afterMove = ({ vm, target, cards }: VmMove): VmDefinition => ({
  ...vm,
  ...{ host: target, ownerHost: target },
  nics: vm.nics.map(nic => ({ ...nic, device: cards.get(nic.index) ?? nic.device })),
});

function vmUpdate(
  vm: VmDefinition,
  spec: VmSpec,
  { state }: VmCondition,
  hosts: Topology['hosts'],
): VmUpdate | undefined {
  const { name: _, project: __, ...wanted } = spec;
  const ofMachine = changesOfMachine(vm, wanted);
  if (!ofMachine.includes('nics') && changesCard(vm, spec, hosts)) ofMachine.push('nics');
  const change = (key: 'host' | 'memoryMiB' | 'image') =>
    ofMachine.includes(key) && `${key} ${vm[key]} → ${wanted[key]}`;
  const [was, is] = [describePolicy(vm), describePolicy(policyOf(spec))];
  const detail = words(
    change('host'),
    change('memoryMiB'),
    change('image'),
    ofMachine.includes('nics') && 'NICs',
    ofMachine.includes('wifi') && 'Wi-Fi NICs',
    ofMachine.includes('devices') && 'devices',
    ofMachine.includes('yield') && `yield ${vm.yield.strategy} → ${wanted.yield.strategy}`,
    ofMachine.includes('disks') && diskDifference(vm, spec),
    vm.autostart !== wanted.autostart && `autostart ${vm.autostart} → ${wanted.autostart}`,
    vm.boot !== wanted.boot && `boot ${vm.boot} → ${wanted.boot}`,
    was !== is && `failover ${was} → ${is}`,
    !vm.managed && 'now managed by the cluster file',
  );
  if (!detail) return undefined;
  // NICs that stay as they are must not be replaced under a running machine.
  const { nics, wifi, disks, checkpointEvery: _every, ...rest } = wanted;
  const { checkpointEvery } = policyOf(spec);
  const every = checkpointEvery === null ? {} : { checkpointEvery };
  const replaced = {
    ...(ofMachine.includes('nics') ? { nics } : {}),
    ...(ofMachine.includes('wifi') ? { wifi } : {}),
    ...(ofMachine.includes('disks') ? { disks } : {}),
  };
  const patch = { ...rest, ...every, ...replaced, managed: true };
  return { vm, patch, detail, stop: ofMachine.length > 0 && state !== 'STOPPED' };
}

/** What is on a disk that goes is lost: it is named. */
function diskDifference({ disks }: VmDefinition, { disks: wanted }: VmSpec): string {
  const gone = disks.map(({ name }) => name).filter(name => wanted.every(each => each.name !== name));
  return gone.length > 0 ? `disks, without ${gone.join(', ')}` : 'disks';
}

/** NICs that are replaced get their settings with that. */
function nicChanges(vm: VmDefinition, spec: VmSpec): ClusterPlan['setNics'] {
  return vm.nics.flatMap(({ index, settings }) => {
    const change = settingsDifference(settings, spec.nics[index]?.settings);
    return change ? [{ vm, index, patch: change.patch, detail: `net${index}: ${change.detail}` }] : [];
  });
}

/** Looked at before anything is changed, so that a refusal leaves all as it was. */
function refuseToBreak(plan: ClusterPlan, declared: Topology, { vms }: Present): void {
  const byHand = vms.map(({ vm }) => vm).filter(vm => !vm.managed && !declared.vms[vm.name]);
  for (const host of plan.removeHosts) {
    const names = byHand.filter(vm => vm.ownerHost === host || vm.host === host).map(({ name }) => name);
    if (names.length === 0) continue;
    throw new V3Error(
      'HOST_IN_USE',
      `host ${host} is not declared any more, but has virtual machines made by hand: ${names.join(', ')}; ` +
        `delete or move them first`,
    );
  }
  for (const network of plan.removeNetworks) {
    const users = byHand.filter(vm => vm.nics.some(nic => nic.networkId === network.id));
    if (users.length === 0) continue;
    throw new V3Error(
      'NETWORK_IN_USE',
      `network ${network.name} is not declared any more, but virtual machines made by hand are on it: ` +
        `${users.map(({ name }) => name).join(', ')}; detach or delete them first`,
    );
  }
  refuseToTakeCards(declared, byHand);
  refuseToTakeRadios(declared, byHand);
}

const words = (...parts: (string | false | undefined)[]): string => parts.filter(part => part).join(', ');

/** Postgres's jsonb does not keep the order of keys. */
const sorted = (records: object[]): object[] =>
  records.map(record => Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1))));

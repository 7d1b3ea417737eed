/** Physical NICs in a cluster file: where their cables lead, and which VMs use them. */
import { cardProblem, conflictingUse, accessOf, nicProblems } from './card-rules';
import type { NicSpec, PhysicalNic } from './resources';
import type { CardAccess } from './vpio';

type Path = (string | number)[];
interface Declared {
  hosts: Record<string, { nics: PhysicalNic[] }>;
  networks: Record<string, unknown>;
  vms: Record<string, { host: string; nics: NicSpec[] }>;
}
interface Use {
  /** `a1/net1`. */
  nic: string;
  path: Path;
  access: CardAccess;
}

/** References and duplicates. @param complain is told where something is wrong */
export function checkCards(
  { hosts, networks, vms }: Declared,
  complain: (path: Path, message: string) => void,
): void {
  const known = Object.keys(networks).join(', ') || 'none';
  for (const [host, { nics }] of Object.entries(hosts)) {
    nics.forEach(({ name, network }, index) => {
      const at: Path = ['hosts', host, 'nics', index];
      if (nics.findIndex(other => other.name === name) < index) {
        complain([...at, 'name'], `host ${host} has a physical NIC ${name} already; each needs its own name`);
      }
      if (network !== undefined && !Object.hasOwn(networks, network)) {
        complain([...at, 'network'], `there is no network "${network}"; networks are: ${known}`);
      }
    });
  }

  const uses = new Map<string, Use[]>();
  for (const [name, { host, nics }] of Object.entries(vms)) {
    const at: Path = ['vms', name, 'nics'];
    for (const { index, path, message } of nicProblems(nics)) complain([...at, index, ...path], message);
    nics.forEach((nic, index) => {
      const { device, network } = nic;
      const owner = Object.hasOwn(hosts, host) ? hosts[host] : undefined;
      if (device === undefined || !owner) return;
      const path: Path = [...at, index, 'device'];
      const problem = cardProblem({ network, device }, { name: host, nics: owner.nics });
      if (problem) return complain(path, problem.message);
      const access = accessOf(nic) as CardAccess;
      const card = `${host}/${device}`;
      uses.set(card, [...(uses.get(card) ?? []), { nic: `${name}/net${index}`, path, access }]);
    });
  }
  for (const [card, all] of uses) {
    const conflict = conflictingUse(all);
    if (!conflict) continue;
    const { use, other } = conflict;
    const alone = use.access === 'passthrough' ? use : other;
    complain(
      use.path,
      `${card} is used by ${other.nic} too, and ${alone.nic} wants it by passthrough, for itself alone`,
    );
  }
}

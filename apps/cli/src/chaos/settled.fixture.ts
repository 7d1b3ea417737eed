import { setTimeout as delay } from 'node:timers/promises';
import { V3Error, type Vm } from '@v3vee/contracts';
import { Violation } from './violation.fixture';
import { PATIENCE_MS, type Seen, type World } from './world.fixture';

const LOOK_MS = 300;
/** Open files of a Palacios without guests: connections to Postgres and NATS, of clients, logs. */
const FILES = { atMost: 48, perWorker: 4 };

/** What of a VM no fault may change. */
export const definitionOf = ({
  id,
  name,
  image,
  memoryMiB,
  failover,
  checkpointEvery,
  autostart,
  nics,
}: Vm) =>
  JSON.stringify([
    id,
    name,
    image,
    memoryMiB,
    failover,
    checkpointEvery,
    autostart,
    nics.map(({ mac, network }) => [mac, network]),
  ]);

/** Waits until nothing is wrong. @throws Violation with what still is after that time */
export async function until(what: string, problems: () => Promise<string[]>): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const found = await problems().catch((thrown: unknown) => {
      if (thrown instanceof Violation) throw thrown;
      return [V3Error.from(thrown).message];
    });
    if (found.length === 0) return;
    if (Date.now() > end) {
      throw new Violation(
        `${what}: after ${PATIENCE_MS / 1_000} s still\n${found.map(one => `  ${one}`).join('\n')}`,
      );
    }
    await delay(LOOK_MS);
  }
}

/** Everybody is back, and nothing is under way. */
export async function quiet(world: World): Promise<string[]> {
  const services = await world.services();
  const problems = services
    .filter(({ state }) => state !== 'ready')
    .map(({ name, state, reason }) => `${name} is ${state} ${reason}`);
  for (const { name, url } of services) {
    if (!url?.startsWith('http:')) continue;
    const { ok, status } = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(30_000) });
    if (!ok) problems.push(`${name} is not ready (${status})`);
  }
  if (problems.length > 0) return problems;
  for (const { name, state, lease, reason, cordoned } of await world.hosts()) {
    if (state !== 'READY' || lease !== 'HELD')
      problems.push(`host ${name} is ${state} (${reason}), lease ${lease}`);
    if (cordoned) await world.client.call('uncordonHost', { host: name });
  }
  const [operations, migrations] = await Promise.all([
    world.client.call('listOperations', {}, { query: {} }),
    world.client.call('listMigrations', {}, { query: {} }),
  ]);
  for (const { done, verb, target, progress } of operations.items) {
    if (!done) problems.push(`${verb} of ${target} is under way: ${progress}`);
  }
  for (const { endedAt, vm, phase, reason } of migrations.items) {
    if (endedAt === null) problems.push(`the migration of ${vm} is ${phase}: ${reason}`);
  }
  return problems;
}

/** Whoever has a VM is who owns it, and nobody holds anything of one that he has not got. */
export async function inOrder(world: World, definitions: ReadonlyMap<string, string>): Promise<string[]> {
  const vms = await world.vms();
  const problems = definitionProblems(vms, definitions);
  const hosts = (await world.hosts()).map(({ name }) => name);
  const [owners, allocations, interfaces] = await Promise.all([
    world.owners(),
    world.allocations(hosts),
    world.client.list('listInterfaces'),
  ]);
  for (const host of hosts) {
    const seen = await world.palacios(host);
    const owned = vms.filter(vm => owners.get(vm.name)?.host === host);
    for (const { name, host: shown, epoch, state } of owned) {
      const there = seen.vms.get(name);
      const owner = owners.get(name)!;
      if (shown !== host || epoch !== owner.epoch)
        problems.push(`${name}: the gateway shows ${shown} at ${epoch}, Postgres ${host} at ${owner.epoch}`);
      if (there?.epoch !== owner.epoch)
        problems.push(`${name} is ${host}'s at epoch ${owner.epoch}; its palacios has it at ${there?.epoch}`);
      if ((state === 'RUNNING' || state === 'PAUSED') !== (there?.hasMachine ?? false))
        problems.push(`${name} is ${state}, and its machine is ${there?.hasMachine ? '' : 'not '}there`);
    }
    for (const name of seen.vms.keys()) {
      if (owners.get(name)?.host !== host)
        problems.push(`palacios of ${host} has ${name}, which is ${owners.get(name)?.host}'s`);
    }
    problems.push(
      ...holdings(
        host,
        seen,
        (allocations.get(host) ?? []).map(({ task }) => task),
      ),
    );
  }
  const places = interfaces
    .map(({ vm, host }) => `${vm}@${host}`)
    .sort()
    .join();
  const wanted = vms
    .filter(({ state }) => state === 'RUNNING' || state === 'PAUSED')
    .map(({ name, host }) => `${name}@${host}`)
    .sort()
    .join();
  if (places !== wanted) problems.push(`NICs are attached for ${places}; VMs are ${wanted}`);
  return problems;
}

function definitionProblems(vms: readonly Vm[], definitions: ReadonlyMap<string, string>): string[] {
  const now = new Map(vms.map(vm => [vm.name, definitionOf(vm)]));
  const names = new Set([...now.keys(), ...definitions.keys()]);
  return [...names]
    .filter(name => now.get(name) !== definitions.get(name))
    .map(name => `the definition of ${name} was ${definitions.get(name)} and is ${now.get(name)}`);
}

/** Kitten's memory, threads and open files of a host. */
function holdings(host: string, { vms, workers, files }: Seen, tasks: readonly string[]): string[] {
  const machines = [...vms.values()].filter(({ hasMachine }) => hasMachine).map(({ id }) => `vm/${id}`);
  const problems: string[] = [];
  if ([...tasks].sort().join() !== machines.sort().join())
    problems.push(
      `kitten of ${host} holds memory of ${tasks.join() || 'nobody'}; machines are ${machines.join()}`,
    );
  if (workers !== machines.length)
    problems.push(`palacios of ${host} has ${workers} workers for ${machines.length} machines`);
  if (files > FILES.atMost + FILES.perWorker * machines.length)
    problems.push(`palacios of ${host} has ${files} open files with ${machines.length} machines`);
  return problems;
}

import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stateFiles } from '@v3vee/client';
import { Chaos } from './chaos/chaos.fixture';
import { GuestLoad } from './chaos/guest-load.fixture';
import { RunnerWatch } from './chaos/runner-watch.fixture';
import { described, LEASE, schedule } from './chaos/schedule.fixture';
import { Violation } from './chaos/violation.fixture';
import { World } from './chaos/world.fixture';

const MINUTES = Number(process.env.V3_SOAK_MINUTES ?? 30);
/** Printed, so that the same rounds can be played again. */
const SEED = Number(process.env.V3_SOAK_SEED ?? Date.now() % 1_000_000);
/** A file for the table of what was done. */
const REPORT = process.env.V3_SOAK_REPORT;

const HOSTS = ['alpha', 'beta', 'gamma'];
/** One that comes back from a checkpoint, one that comes back anew, one that is left to people. */
const VMS = [
  { name: 'a1', ip: '10.10.0.11', host: 'alpha', policy: 'failover: checkpoint, checkpointEvery: 10s, ' },
  { name: 'b1', ip: '10.10.0.12', host: 'beta', policy: 'failover: restart, ' },
  { name: 'c1', ip: '10.10.0.13', host: 'gamma', policy: '' },
];
const TOPOLOGY = [
  'hosts:',
  ...HOSTS.map(host => `  ${host}: { memory: 512MiB, cores: 6 }`),
  'networks: { lan: { subnet: 10.10.0.0/24 } }',
  'vms:',
  ...VMS.map(
    ({ name, ip, host, policy }) =>
      `  ${name}: { host: ${host}, memory: 64MiB, ${policy}nics: [{ network: lan, ip: ${ip}/24 }] }`,
  ),
  '',
].join('\n');

let folder: string;
let world: World | undefined;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'v3-chaos-'));
  const file = join(folder, 'cluster.yaml');
  writeFileSync(file, TOPOLOGY);
  // A starved machine must not look like a lost host.
  const { seconds, marginSeconds } = LEASE;
  world = await World.up(file, {
    V3_LEASE_SECONDS: String(seconds),
    V3_LEASE_MARGIN_SECONDS: String(marginSeconds),
  });
});
afterAll(async () => {
  await world?.down();
  rmSync(folder, { recursive: true, force: true });
});

it(`${MINUTES} minutes of faults, moves and traffic, seed ${SEED}: no invariant is violated`, async () => {
  const cluster = world as World;
  const began = Date.now();
  const lines: string[] = [];
  const say = (text: string) => {
    lines.push(`${((Date.now() - began) / 1_000).toFixed(1)} s: ${text}`);
  };
  const load = new GuestLoad(cluster, VMS);
  const names = VMS.map(({ name }) => name);
  const chaos = new Chaos(cluster, load, HOSTS, names, text => say(`    ${text}`));
  const watch = new RunnerWatch(cluster, HOSTS);
  const { report } = chaos;
  try {
    await chaos.begin();
    const end = Date.now() + MINUTES * 60_000;
    for (const round of schedule(SEED, { hosts: HOSTS.length, vms: VMS.length })) {
      if (Date.now() > end) break;
      say(described(round));
      await chaos.play(round);
      if (watch.violations.length > 0) throw new Violation(watch.violations.join('\n'));
    }
  } catch (thrown) {
    const logs = mkdtempSync(join(tmpdir(), 'v3-chaos-logs-'));
    cpSync(stateFiles(cluster.cluster.stateDir).logs, logs, { recursive: true });
    console.error(`seed ${SEED}, what was done:\n${lines.join('\n')}\nlogs of the services: ${logs}`);
    throw thrown;
  } finally {
    await watch.stop();
  }
  const { right, broken } = load.transfers;
  const text = [
    `Seed ${SEED}, ${report.rounds} rounds in ${Math.round((Date.now() - began) / 60_000)} minutes, ${HOSTS.length} hosts, ${VMS.length} VMs.`,
    `${right} transfers with the right hash, ${broken} broken by a restart of one of their ends; ${load.audits} audits of a guest's memory; ` +
      `${watch.looks} looks at who runs what; the slowest round was over after ${report.slowest.toFixed(0)} s. No invariant was violated.`,
    '',
    report.table(),
  ].join('\n');
  console.log(text);
  if (REPORT) writeFileSync(REPORT, `${text}\n`);
  expect(report.rounds).toBeGreaterThan(0);
});

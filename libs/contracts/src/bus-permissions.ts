/**
 * Who may say and hear what on the bus, for a NATS server that gives each process a user of its own. A process speaks
 * for itself alone: `{host}` of what it serves, tells and asks is its own host, so that who has a host's password can't
 * be another one. The server checks it; see "What may say what on the bus" in docs/ARCHITECTURE.md.
 */
import {
  captureCalls,
  kittenCalls,
  kittenHeartbeat,
  palaciosCalls,
  palaciosHeartbeat,
  rawSubjects,
  vmChanged,
  vnetCalls,
  vnetCoreStats,
  vnetHello,
  vnetInvalidate,
  vnetQuery,
  vnetRouteFound,
} from './rpc';
import { coreGrants, coreReports } from './rpc-core-time';
import { jobCalls } from './rpc-jobs';
import { migrationChanged, migrationSourceCalls, migrationTargetCalls } from './rpc-migration';
import { snapshotCalls } from './rpc-snapshots';
import { dmmCalls, dmmHello, palaciosVpioCalls } from './rpc-vpio';
import { wifiCalls, wifiHello } from './rpc-wifi';
import { AIR_HOST, LINKS_HOST } from './vnet';

/** A process of the cluster as a user of the NATS server; subjects are NATS's, `*` stands for one word. */
export interface BusUser {
  user: string;
  publish: string[];
  subscribe: string[];
}

/** Under which subjects a user hears answers. Their last word is random: only who was asked knows where to answer. */
export const inboxOf = (user: string): string => `_INBOX.${user}`;

type Contract = { readonly subject: string };

/** Of the host that says or serves it; `*` for any. */
const of = (host: string, ...contracts: Contract[]): string[] =>
  contracts.map(({ subject }) => subject.replace('{host}', host));
const all = (table: Record<string, Contract>): Contract[] => Object.values(table);

type Subjects = Omit<BusUser, 'user'>;

const gateway: Subjects = {
  publish: [
    ...of('*', kittenCalls.memory, kittenCalls.tasks, kittenCalls.schedule, ...all(jobCalls)),
    ...of('*', ...all(palaciosCalls), ...all(snapshotCalls), ...all(migrationSourceCalls), vnetCoreStats),
    ...of('*', palaciosVpioCalls.inventory, palaciosVpioCalls.trace, ...all(captureCalls)),
    ...of('*', vnetCalls.reload, vnetCalls.status, dmmCalls.reload, dmmCalls.hooks),
    ...of('*', wifiCalls.reload, wifiCalls.status, wifiCalls.deauthenticate),
    rawSubjects.consoleIn('*', '*'),
  ],
  subscribe: [
    ...of('*', kittenHeartbeat, palaciosHeartbeat, vmChanged, migrationChanged),
    rawSubjects.consoleOut('*', '*'),
    rawSubjects.capture('*', '*'),
    rawSubjects.trace('*', '*'),
  ],
};

const kitten = (host: string): Subjects => ({
  publish: of(host, kittenHeartbeat, coreGrants),
  subscribe: of(host, ...all(kittenCalls), ...all(jobCalls), coreReports),
});

/** An end of the overlay: each host's Palacios, the links, and the air. It sends frames to any other. */
const overlayEnd = (host: string): Subjects => ({
  publish: [
    ...of(host, vnetCalls.attach, vnetQuery),
    rawSubjects.framesToRouter(host),
    rawSubjects.framesTo('*'),
    rawSubjects.capture(host, '*'),
  ],
  subscribe: [
    ...of(host, vnetRouteFound, vnetHello, vnetInvalidate, ...all(captureCalls)),
    rawSubjects.framesTo(host),
  ],
});

const palacios = (host: string): Subjects => {
  const { allocate, moveCore, resize, free, claim, inventory } = kittenCalls;
  const { acquire, exit, violation, release } = dmmCalls;
  const overlay = overlayEnd(host);
  return {
    publish: [
      ...of(host, palaciosHeartbeat, vmChanged, migrationChanged, coreReports),
      ...of(host, allocate, moveCore, resize, free, claim, inventory),
      ...of(host, acquire, exit, violation, release, wifiCalls.attach, wifiCalls.detach),
      ...of('*', ...all(migrationTargetCalls)),
      ...overlay.publish,
      rawSubjects.wifiToService(host),
      rawSubjects.wifiToHost('*'), // of a guest that has moved there
      rawSubjects.migration('*', '*'),
      rawSubjects.consoleOut(host, '*'),
      rawSubjects.trace(host, '*'),
    ],
    subscribe: [
      ...of(host, ...all(palaciosCalls), ...all(snapshotCalls), vnetCoreStats, ...all(palaciosVpioCalls)),
      ...of(host, ...all(migrationSourceCalls), ...all(migrationTargetCalls)),
      ...of(host, kittenHeartbeat, coreGrants, dmmHello, wifiHello),
      ...of('*', vmChanged), // VMs find each other by name
      ...overlay.subscribe,
      rawSubjects.wifiToHost(host),
      rawSubjects.migration(host, '*'),
      rawSubjects.consoleIn(host, '*'),
    ],
  };
};

const links = overlayEnd(LINKS_HOST);
const vnet: Subjects = {
  publish: [...of('*', vnetHello, vnetInvalidate, vnetRouteFound), ...links.publish],
  subscribe: [
    ...of('*', ...all(vnetCalls), vnetQuery, palaciosHeartbeat, vmChanged),
    rawSubjects.framesToRouter('*'),
    ...links.subscribe,
  ],
};

const dmm: Subjects = {
  publish: of('*', dmmHello, palaciosVpioCalls.inventory, palaciosVpioCalls.switch),
  subscribe: of('*', ...all(dmmCalls), palaciosHeartbeat),
};

const air = overlayEnd(AIR_HOST);
const wifi: Subjects = {
  publish: [...of('*', wifiHello), rawSubjects.wifiToHost('*'), ...air.publish],
  subscribe: [...of('*', ...all(wifiCalls)), rawSubjects.wifiToService('*'), ...air.subscribe],
};

/** Not a process: who looks into a running cluster, or starts a process of it by hand. */
export const OPERATOR = 'operator';

/** The users of a cluster with these hosts: named as its processes, `palacios-alpha`, and the {@link OPERATOR}. */
export function busUsers(hosts: readonly string[]): BusUser[] {
  const processes: [user: string, subjects: Subjects][] = [
    [OPERATOR, { publish: ['>'], subscribe: ['>'] }],
    ...Object.entries({ gateway, vnet, dmm, wifi }),
    ...hosts.flatMap((host): [string, Subjects][] => [
      [`kitten-${host}`, kitten(host)],
      [`palacios-${host}`, palacios(host)],
    ]),
  ];
  return processes.map(([user, { publish, subscribe }]) => ({
    user,
    publish: sorted([...publish, inboxOf('>')]),
    subscribe: sorted([...subscribe, `${inboxOf(user)}.>`]),
  }));
}

/** `>` is all there is. */
function sorted(subjects: string[]): string[] {
  return subjects.includes('>') ? ['>'] : [...new Set(subjects)].sort();
}

import type {
  Impairment,
  TrafficCounters,
  VnetInterface,
  VnetLink,
  VnetRoute,
  VnetStats,
} from '@v3vee/contracts';
import { paintState } from './terminal/colour';
import { formatAge } from './terminal/quantities';
import type { Column } from './terminal/table';

const yesNo = (value: boolean | null): string => (value === null ? '' : value ? 'yes' : 'no');
const address = (ip: string, port: number): string =>
  ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
const sum = (counts: Record<string, number>): number =>
  Object.values(counts).reduce((all, count) => all + count, 0);
const state = (text: string) => paintState(text, process.stdout);

/** What differs from a line that does nothing to frames: `delay 10ms, loss 1%`. */
export function formatImpairment(impairment: Impairment | null): string {
  if (!impairment) return '';
  const { delayMs, jitterMs, lossPercent, duplicatePercent, corruptPercent, reorderPercent, rateKbit } =
    impairment;
  return [
    delayMs && `delay ${delayMs}ms`,
    jitterMs && `jitter ${jitterMs}ms`,
    lossPercent && `loss ${lossPercent}%`,
    duplicatePercent && `duplicate ${duplicatePercent}%`,
    corruptPercent && `corrupt ${corruptPercent}%`,
    reorderPercent && `reorder ${reorderPercent}%`,
    rateKbit !== null && `rate ${rateKbit}kbit`,
  ]
    .filter(Boolean)
    .join(', ');
}

export const routeColumns: Column<VnetRoute>[] = [
  { title: 'INDEX', value: route => route.index ?? 'auto' },
  { title: 'NETWORK', value: route => route.network },
  { title: 'SOURCE', value: route => route.source },
  { title: 'DESTINATION', value: route => route.destination },
  { title: 'TO', value: route => route.to },
  { title: 'FROM', value: route => route.from },
  { title: 'AGE', value: route => formatAge(route.createdAt) },
  { title: 'TEXT', value: route => route.text, wide: true },
];

export const linkColumns: Column<VnetLink>[] = [
  { title: 'INDEX', value: link => link.index },
  { title: 'NAME', value: link => link.name },
  { title: 'TYPE', value: link => link.type },
  { title: 'REMOTE', value: link => address(link.remote, link.remotePort) },
  { title: 'LOCAL', value: link => address(link.local, link.localPort) },
  { title: 'NETWORK', value: link => link.network },
  { title: 'STATE', value: link => link.state, paint: state },
  { title: 'RX', value: link => link.counters?.receivePackets ?? '' },
  { title: 'TX', value: link => link.counters?.transmitPackets ?? '' },
  { title: 'DROPPED', value: link => (link.counters ? sum(link.counters.dropped) : '') },
  { title: 'IMPAIRMENT', value: link => formatImpairment(link.impairment) },
  { title: 'REASON', value: link => link.reason },
  { title: 'VNI', value: link => (link.type === 'vxlan' ? link.vni : ''), wide: true },
  { title: 'MTU', value: link => link.mtu, wide: true },
  { title: 'LEARNED', value: link => link.learned.join(','), wide: true },
  { title: 'TEXT', value: link => link.text, wide: true },
];

export const interfaceColumns: Column<VnetInterface>[] = [
  { title: 'INTERFACE', value: nic => `${nic.vm}/${nic.name}` },
  { title: 'MAC', value: nic => nic.mac },
  { title: 'NETWORK', value: nic => nic.network },
  { title: 'HOST', value: nic => nic.host },
  { title: 'ATTACHED', value: nic => yesNo(nic.attached) },
  { title: 'LINK', value: nic => (nic.settings.linkUp ? 'up' : 'down') },
  { title: 'MODE', value: nic => nic.settings.mode },
  { title: 'OPTIMISTIC', value: nic => yesNo(nic.settings.optimisticInterrupts) },
  { title: 'SPOOF-GUARD', value: nic => yesNo(nic.settings.spoofGuard) },
  { title: 'IMPAIRMENT', value: nic => formatImpairment(nic.settings.impairment) },
];

/** One counter that is not zero, and whose it is. */
export interface CounterRow {
  of: string;
  counter: string;
  count: number;
}
export const counterColumns: Column<CounterRow>[] = [
  { title: 'OF', value: row => row.of },
  { title: 'COUNTER', value: row => row.counter },
  { title: 'COUNT', value: row => row.count },
];

/** All counters that are not zero, one a row. */
export function counterRows({ cores, router, links }: VnetStats): CounterRow[] {
  const rows = (of: string, counts: Record<string, number>): CounterRow[] =>
    Object.entries(counts)
      .filter(([, count]) => count !== 0)
      .map(([counter, count]) => ({ of, counter, count }));
  const traffic = ({ dropped, ...counts }: TrafficCounters) => ({
    ...counts,
    ...Object.fromEntries(Object.entries(dropped).map(([reason, count]) => [`dropped ${reason}`, count])),
  });
  return [
    ...cores.flatMap(({ host, cached, counters }) => rows(`core ${host}`, { ...counters, cached })),
    ...rows('router', router ?? {}),
    ...links.flatMap(({ name, counters }) => rows(`link ${name}`, traffic(counters))),
  ];
}

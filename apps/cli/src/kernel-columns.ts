import type { HostMemory, HostTask } from '@v3vee/contracts';
import { paintState } from './terminal/colour';
import { ownerKind } from './terminal/memory-bar';
import { formatBytes, formatHex, formatMilliseconds } from './terminal/quantities';
import type { Column } from './terminal/table';

type Region = HostMemory['regions'][number];
type Aspace = HostMemory['aspaces'][number];
/** A region of an address space; the space's own fields stand in its first row. */
export interface AspaceRow {
  aspace: Aspace | null;
  region: Aspace['regions'][number] | null;
}

const address = (value: number) => formatHex(value, 5);
const who = (vm: string | null, name: string) => (vm === null ? name : `vm/${vm}`);

export const regionColumns: Column<Region>[] = [
  { title: 'FROM', value: region => address(region.start) },
  { title: 'TO', value: region => address(region.start + region.length) },
  { title: 'SIZE', value: region => formatBytes(region.length) },
  { title: 'TYPE', value: region => region.type },
  { title: 'OWNER', value: region => (region.owner === null ? 'free' : who(region.vm, region.owner)) },
  { title: 'KIND', value: ownerKind },
];

export const aspaceColumns: Column<AspaceRow>[] = [
  { title: 'ASPACE', value: ({ aspace }) => aspace?.id ?? '' },
  { title: 'NAME', value: ({ aspace }) => (aspace ? who(aspace.vm, aspace.name) : '') },
  { title: 'REGION', value: ({ region }) => region?.name ?? '' },
  { title: 'VIRTUAL', value: ({ region }) => (region ? address(region.start) : '') },
  {
    title: 'PHYSICAL',
    value: ({ region }) => (region && region.physical !== null ? address(region.physical) : ''),
  },
  { title: 'SIZE', value: ({ region }) => (region ? formatBytes(region.length) : '') },
  { title: 'PAGE', value: ({ region }) => (region ? formatBytes(region.pageSize) : '') },
  { title: 'SMARTMAP', value: ({ aspace }) => aspace?.smartmapped.join(',') ?? '' },
];

export function aspaceRows(aspaces: readonly Aspace[]): AspaceRow[] {
  return aspaces.flatMap(aspace => {
    const [first = null, ...rest] = aspace.regions;
    return [{ aspace, region: first }, ...rest.map(region => ({ aspace: null, region }))];
  });
}

export const taskColumns: Column<HostTask>[] = [
  { title: 'ID', value: task => task.id },
  { title: 'TASK', value: task => who(task.vm, task.name) },
  { title: 'KIND', value: task => task.kind },
  { title: 'ASPACE', value: task => task.aspace },
  { title: 'CORE', value: task => `${task.core}${task.onCore ? '*' : ''}` },
  { title: 'STATE', value: task => task.state, paint: text => paintState(text, process.stdout) },
  { title: 'POLICY', value: policyWords },
  { title: 'GRANT', value: task => (task.kind === 'idle' ? '' : task.shared ? 'shared' : 'standing') },
  { title: 'GRANTED', value: task => formatMilliseconds(task.grantedMs) },
  { title: 'USED', value: task => (task.kind === 'idle' ? '' : formatMilliseconds(task.usedMs)) },
  { title: 'SHARE', value: task => `${(task.share * 100).toFixed(1)}%` },
  { title: 'AFFINITY', value: task => task.affinity?.join(',') ?? 'all', wide: true },
];

function policyWords({ policy }: HostTask): string {
  return policy.kind === 'rr' ? 'rr' : `edf ${policy.sliceMs}/${policy.periodMs} ms`;
}

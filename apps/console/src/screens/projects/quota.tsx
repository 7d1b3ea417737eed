import type { Project } from '@v3vee/contracts';
import { formatBytes, formatMiB } from '../../model/quantities';
import { Meter } from '../../ui/panel';
import '../access/access.css';

type Kind = 'vms' | 'memory' | 'snapshots';

const kinds: Record<
  Kind,
  {
    title: string;
    used: (project: Project) => number;
    most: (project: Project) => number | null;
    format: (value: number) => string;
  }
> = {
  vms: { title: 'Virtual machines', used: each => each.vms, most: each => each.maxVms, format: String },
  memory: {
    title: 'Memory',
    used: each => each.memoryMiB,
    most: each => each.maxMemoryMiB,
    format: formatMiB,
  },
  snapshots: {
    title: 'Snapshots',
    used: each => each.snapshotBytes,
    most: each => each.maxSnapshotBytes,
    format: formatBytes,
  },
};
export const quotaKinds = Object.keys(kinds) as Kind[];
export const titleOf = (kind: Kind): string => kinds[kind].title;
export const usedOf = (kind: Kind, project: Project): number => kinds[kind].used(project);

/** What a project has, of what it may have. */
export function Quota({ kind, project }: { kind: Kind; project: Project }) {
  const { title, used: usedBy, most: mostOf, format } = kinds[kind];
  const [used, most] = [usedBy(project), mostOf(project)];
  if (most === null)
    return (
      <span className="quota">
        <span className="nowrap">
          {format(used)} <span className="muted">– no limit</span>
        </span>
      </span>
    );
  // Of nothing, all is taken.
  const share = most === 0 ? 1 : used / most;
  return (
    <span className="quota">
      <span className="nowrap">
        {format(used)} <span className="muted">of {format(most)}</span>
        {used >= most && <span className="tag warn">{used > most ? 'over' : 'full'}</span>}
      </span>
      <Meter share={share} label={`${title} of ${project.name} taken`} />
    </span>
  );
}

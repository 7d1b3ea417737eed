import type { Job } from '@v3vee/contracts';
import { paintState } from './terminal/colour';
import { formatAge, formatBytes, formatMiB } from './terminal/quantities';
import type { Column } from './terminal/table';

export const jobColumns: Column<Job>[] = [
  { title: 'ID', value: job => job.id },
  { title: 'PROGRAM', value: job => job.program },
  { title: 'HOST', value: job => job.host },
  { title: 'RANKS', value: job => job.ranks },
  { title: 'MEMORY', value: job => formatMiB(job.memoryMiB) },
  { title: 'STATE', value: job => job.state, paint: text => paintState(text, process.stdout) },
  { title: 'AGE', value: job => formatAge(job.createdAt) },
  { title: 'OUTPUT', value: job => formatBytes(job.outputBytes) },
  { title: 'REASON', value: job => job.reason },
  { title: 'EXIT', value: job => job.exitCode ?? '', wide: true },
  { title: 'CORES', value: job => job.cores.join(','), wide: true },
  { title: 'ARGS', value: job => job.args.join(' '), wide: true },
  { title: 'SHA256', value: job => job.sha256, wide: true },
];

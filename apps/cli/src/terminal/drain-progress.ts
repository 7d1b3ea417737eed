import { drainProgress, type DrainProgress } from '@v3vee/contracts';
import { barOf, createTaskProgress, type ProgressStream } from './progress';

export interface DrainProgressView {
  /** @param metadata of the operation */
  update(text: string, metadata: unknown): void;
  /** Removes what moves. */
  done(): void;
}

/** A bar that moves on a terminal; elsewhere a line for each VM that begins to move, has moved or stays. */
export function showDrain(stream: ProgressStream, host: string): DrainProgressView {
  const progress = createTaskProgress(stream, { quiet: true });
  const told = new Map<string, string>();
  progress.step(`draining ${host}`);
  return {
    update: (text, metadata) => {
      const parsed = drainProgress.safeParse(metadata);
      if (!parsed.success) return progress.update(text);
      const { counts, vms } = parsed.data;
      if (stream.isTTY) {
        const done = counts.MOVED + counts.LEFT;
        return progress.update(`${barOf(vms.length === 0 ? 1 : done / vms.length)} ${text}`);
      }
      for (const vm of vms) {
        if (vm.state === 'WAITING' || told.get(vm.vm) === vm.state) continue;
        told.set(vm.vm, vm.state);
        progress.line(describe(vm));
      }
    },
    done: () => progress.done(),
  };
}

function describe({ vm, state, host, reason }: DrainProgress['vms'][number]): string {
  if (state === 'LEFT') return `${vm}: stays, ${reason}`;
  return `${vm}: ${state === 'MOVED' ? 'moved' : 'moving'} to ${host} (${reason})`;
}

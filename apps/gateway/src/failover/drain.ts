import type { DrainProgress, DrainResult, DrainState, V3Error } from '@v3vee/contracts';
import type { OperationContext } from '../operations/operations.service';

/** How far the drain of a host is. */
export class Drain {
  private readonly vms: (DrainProgress['vms'][number] & { code?: string })[];

  constructor(
    private readonly host: string,
    names: readonly string[],
    private readonly context: Pick<OperationContext, 'progress'>,
  ) {
    this.vms = names.map(vm => ({ vm, state: 'WAITING', host: null, reason: '' }));
  }

  moves(vm: string, host: string, reason: string): void {
    this.change(vm, { state: 'MOVING', host, reason });
  }
  moved(vm: string): void {
    this.change(vm, { state: 'MOVED' });
  }
  left(vm: string, { code, message: reason }: V3Error): void {
    this.change(vm, { state: 'LEFT', code, reason });
  }

  /** @param doing what is done now; none: it is over */
  tell(doing?: string): Promise<void> {
    const { WAITING, MOVED, LEFT } = this.progress.counts;
    const stayed = this.vms.filter(({ state }) => state === 'LEFT').map(({ vm }) => vm);
    const left = LEFT > 0 ? `, ${LEFT} left: ${stayed.join(', ')}` : '';
    const moved = `${MOVED} of ${this.vms.length} moved${left}`;
    const waits = WAITING > 0 ? `, ${WAITING} wait${WAITING === 1 ? 's' : ''}` : '';
    return this.context.progress(doing ? `${moved}${waits}: ${doing}` : moved, this.progress);
  }

  get progress(): DrainProgress {
    const count = (of: DrainState) => this.vms.filter(({ state }) => state === of).length;
    return {
      host: this.host,
      counts: {
        ...{ WAITING: count('WAITING'), MOVING: count('MOVING') },
        ...{ MOVED: count('MOVED'), LEFT: count('LEFT') },
      },
      vms: this.vms.map(({ code: _, ...vm }) => ({ ...vm })),
    };
  }

  get result(): DrainResult {
    return {
      host: this.host,
      moved: this.vms.flatMap(({ vm, state, host, reason }) =>
        state === 'MOVED' && host !== null ? [{ vm, host, reason }] : [],
      ),
      left: this.vms.flatMap(({ vm, state, code, reason }) =>
        state === 'LEFT' && code !== undefined ? [{ vm, code, reason }] : [],
      ),
    };
  }

  private change(vm: string, change: Partial<(typeof this.vms)[number]>): void {
    const found = this.vms.find(each => each.vm === vm);
    if (found) Object.assign(found, change);
  }
}

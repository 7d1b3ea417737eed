import type { MachineHead } from '../../state/machine-state';
import { MachineError } from '../../errors';
import type { DiskLayers } from '../disks';
import type { Machine } from '../machine';
import { PAGE_BYTES, rewind, Shadow, type PageBatch, type ScanSlice } from './pages';

/** What a copy needs of the loop that runs its machine. */
interface Running {
  readonly isRunning: boolean;
  start(): void;
  stop(): void;
}

/** All that is left to copy of a machine, as it was at one instant. */
export interface LastCut {
  head: MachineHead;
  batches: PageBatch[];
  /** How long the guest stood still for it; 0: it did anyway. */
  pauseMs: number;
}

/**
 * Both ends of a live copy of the machine of this thread, one copy each: a later one ends the one before it. Copies are
 * numbered so that whoever still holds an ended one does no harm to the next.
 */
export class LiveCopy {
  private outgoing: { copy: number; shadow: Shadow } | undefined;
  private incoming: number | undefined;
  private next = 1;

  constructor(
    private readonly machine: Machine,
    private readonly loop: () => Running,
  ) {}

  /** @returns the copy's number */
  begin(base: Uint8Array | undefined): number {
    const { size } = this.machine.engine.memory;
    this.machine.requireWhole();
    this.requireLength(base);
    this.outgoing = { copy: this.next, shadow: new Shadow(size, base) };
    return this.next++;
  }

  /** @param still the guest must stand still: these are the last pages */
  scan(
    copy: number,
    { from, count, limit, still }: { from: number; count: number; limit: number; still: boolean },
  ): ScanSlice & { scanMs: number } {
    const shadow = this.shadowOf(copy);
    if (still) this.requireStill();
    const started = performance.now();
    const slice = shadow.scan(this.machine.engine.memory.bytes(), from, count, limit);
    return { ...slice, scanMs: performance.now() - started };
  }

  head(copy: number): MachineHead {
    this.shadowOf(copy);
    this.requireStill();
    this.machine.requireWhole();
    return this.machine.head();
  }

  /**
   * Device state and last pages in one go: a guest that runs goes on at once.
   * @param disks layers with which its disks go on: what they were until then stays as it is
   */
  cut(copy: number, disks?: DiskLayers): LastCut {
    const shadow = this.shadowOf(copy);
    this.machine.requireWhole();
    const { memory } = this.machine.engine;
    const loop = this.loop();
    const { isRunning } = loop;
    const stopped = performance.now();
    loop.stop();
    try {
      // First: a device that is asked for its state may finish what it is doing in RAM.
      const head = this.machine.head();
      const { batches } = shadow.scan(memory.bytes(), 0, memory.size / PAGE_BYTES, Infinity);
      if (disks) this.machine.disks.plug(disks);
      return { head, batches, pauseMs: isRunning ? performance.now() - stopped : 0 };
    } finally {
      if (isRunning) loop.start();
    }
  }

  end(copy: number): void {
    if (this.outgoing?.copy === copy) this.outgoing = undefined;
  }

  /**
   * Until the copy is finished or a state is loaded, the machine does not run.
   * @param base what its RAM is to be first: it has run since; none: as it is
   * @returns the copy's number
   */
  expect(base: Uint8Array | undefined): number {
    this.requireStill();
    const { memory } = this.machine.engine;
    this.requireLength(base);
    this.machine.tear();
    if (base) rewind(memory.bytes(), base, (at, bytes) => this.machine.engine.writeRam(at, bytes));
    this.incoming = this.next;
    return this.next++;
  }

  write(copy: number, { numbers, bytes }: PageBatch): void {
    this.requireIncoming(copy);
    numbers.forEach((page, i) => {
      this.machine.engine.writeRam(page * PAGE_BYTES, bytes.subarray(i * PAGE_BYTES, (i + 1) * PAGE_BYTES));
    });
  }

  finish(copy: number, head: MachineHead): void {
    this.requireIncoming(copy);
    this.machine.finish(head);
    this.incoming = undefined;
  }

  /** The machine was put into another state: it is not the other end of a copy any more. */
  forget(): void {
    this.incoming = undefined;
  }

  private shadowOf(copy: number): Shadow {
    if (this.outgoing?.copy === copy) return this.outgoing.shadow;
    throw new MachineError('VM_WRONG_STATE', 'this copy of the machine has ended');
  }

  private requireIncoming(copy: number): void {
    if (this.incoming === copy) return;
    throw new MachineError('VM_WRONG_STATE', 'the machine does not expect this copy any more');
  }

  private requireLength(base: Uint8Array | undefined): void {
    const { size } = this.machine.engine.memory;
    if (!base || base.length === size) return;
    throw new MachineError(
      'INVALID_REQUEST',
      `the copy begins from ${base.length} bytes of memory, the machine has ${size}`,
    );
  }

  private requireStill(): void {
    if (!this.loop().isRunning) return;
    throw new MachineError('VM_WRONG_STATE', 'the machine must be paused for this');
  }
}

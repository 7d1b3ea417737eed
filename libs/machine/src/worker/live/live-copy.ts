import { MachineError } from '../../errors';
import type { Machine } from '../machine';
import { BATCH_PAGES, PAGE_BYTES, Shadow, type PageBatch, type ScanSlice } from './pages';

/** Both ends of a live copy of the machine of this thread. */
export class LiveCopy {
  private shadow: Shadow | undefined;

  constructor(private readonly machine: Machine) {}

  begin(base: Uint8Array | undefined): void {
    const { size } = this.machine.engine.memory;
    if (base && base.length !== size) {
      throw new MachineError(
        'STATE_INCOMPATIBLE',
        `the copy begins from ${base.length} bytes of memory, the machine has ${size}`,
      );
    }
    this.shadow = new Shadow(size, base);
  }

  scan(from: number, count: number, limit: number): ScanSlice & { scanMs: number } {
    if (!this.shadow) throw new MachineError('VM_WRONG_STATE', 'no copy of this machine is under way');
    const started = performance.now();
    const slice = this.shadow.scan(this.machine.engine.memory.bytes(), from, count, limit);
    return { ...slice, scanMs: performance.now() - started };
  }

  end(): void {
    this.shadow = undefined;
  }

  write({ numbers, bytes }: PageBatch): void {
    const pages = this.machine.engine.memory.size / PAGE_BYTES;
    const count = numbers.length;
    if (count < 1 || count > BATCH_PAGES || bytes.length !== count * PAGE_BYTES) {
      throw new MachineError(
        'INVALID_REQUEST',
        `a batch has 1 to ${BATCH_PAGES} pages of ${PAGE_BYTES} bytes, this one ${count} in ${bytes.length} bytes`,
      );
    }
    const beyond = numbers.find(page => page >= pages);
    if (beyond !== undefined) {
      throw new MachineError(
        'INVALID_REQUEST',
        `page ${beyond} is beyond the machine's memory of ${pages} pages`,
      );
    }
    this.machine.writePages(numbers, bytes);
  }
}

import type { Direction, RegisterAccount } from '@v3vee/contracts';
import type { DeviceModel } from '@v3vee/device-models';
import { Hook } from './hook-list';

const CLASSES = ['open', 'shadow', 'exit'] as const;
/** Latest exits whose cost is kept. */
const KEPT = 4096;

/** Index of a counter: direction, page, offset, log2 of the width, class. */
const slot = (write: number, page: number, offset: number, width: number, hook: Hook): number =>
  (((((((write << 2) | page) << 8) | offset) << 2) | width) << 2) | hook;
const SLOTS = slot(1, 3, 0xff, 2, Hook.exit) + 1;

/** Counts accesses, each by register and class: the account that the DMM shows. Counting costs an addition. */
export class Account {
  private readonly counts = new Float64Array(SLOTS);
  private readonly costs: number[] = [];
  exits = 0;
  exitsMs = 0;
  interrupts = 0;
  denied = 0;
  received = 0;
  transmitted = 0;
  spoofed = 0;

  countRead(page: number, offset: number, size: number, hook: Hook): void {
    this.counts[slot(0, page, offset, size >> 1, hook)]!++;
  }

  countWrite(page: number, offset: number, size: number, hook: Hook): void {
    this.counts[slot(1, page, offset, size >> 1, hook)]!++;
  }

  exit(ms: number): void {
    this.exits++;
    this.exitsMs += ms;
    this.costs.push(ms);
    if (this.costs.length > 2 * KEPT) this.costs.splice(0, KEPT);
  }

  get exitMs(): number[] {
    return this.costs.slice(-KEPT);
  }

  /** By name, in the order of the window. */
  registers(model: DeviceModel): RegisterAccount[] {
    const rows = new Map<string, RegisterAccount>();
    this.counts.forEach((count, index) => {
      if (count === 0) return;
      const [hook, width, offset] = [index & 3, (index >> 2) & 3, (index >> 4) & 0xff];
      const page = (index >> 12) & 3;
      const direction: Direction = index >> 14 ? 'write' : 'read';
      const size = (1 << width) as 1 | 2 | 4;
      const register = model.registerName({ direction, offset, size, page });
      const key = `${direction} ${register}`;
      let row = rows.get(key);
      if (!row) rows.set(key, (row = { register, direction, open: 0, shadow: 0, exit: 0 }));
      row[CLASSES[hook]!] += count;
    });
    return [...rows.values()];
  }
}

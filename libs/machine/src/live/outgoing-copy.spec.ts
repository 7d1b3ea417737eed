import { PAGE_BYTES, Shadow, type PageBatch } from '../worker/live/pages';
import type { MachineHead } from '../state/machine-state';
import { PreCopy, type CopySource } from './outgoing-copy';

const PAGES = 5_000;
const WINDOW = 16;
const nothing = async () => undefined;

/** A machine's memory, all of which has changed, and what its thread is asked for. */
function source() {
  const ram = new Uint8Array(PAGES * PAGE_BYTES).fill(1);
  const shadow = new Shadow(ram.length);
  const asked: string[] = [];
  const from: CopySource = {
    memoryPages: PAGES,
    scan: async ({ from: page, count, limit, still }) => {
      asked.push(still ? 'last pages' : 'pages');
      return { ...shadow.scan(ram, page, count, limit), scanMs: 1 };
    },
    head: async () => {
      asked.push('head');
      return { format: 1 } as MachineHead;
    },
    stop: async () => void asked.push('stop'),
  };
  return { ram, asked, copy: new PreCopy(from) };
}

/** Takes batches in when it is told to. */
class Wire {
  readonly pages: number[] = [];
  most = 0;
  private readonly underWay: (() => void)[] = [];

  readonly deliver = ({ numbers }: PageBatch) =>
    new Promise<void>(resolve => {
      this.pages.push(...numbers);
      this.underWay.push(resolve);
      this.most = Math.max(this.most, this.underWay.length);
    });

  /** As many as are under way when nothing else can go on. */
  async settle(): Promise<number> {
    await new Promise(resolve => setImmediate(resolve));
    return this.underWay.length;
  }

  async takeAll(): Promise<void> {
    while ((await this.settle()) > 0) this.underWay.shift()!();
  }
}

it('keeps a window of batches under way, and ends when the other side has them all', async () => {
  const { copy } = source();
  const wire = new Wire();
  let ended = false;
  const round = copy.round(wire.deliver).finally(() => (ended = true));
  expect(await wire.settle()).toBe(WINDOW);
  expect(ended).toBe(false);
  await wire.takeAll();
  expect((await round).pages).toBe(PAGES);
  expect(wire.pages).toEqual(Array.from({ length: PAGES }, (_, page) => page));
  expect(wire.most).toBe(WINDOW);
});

it('sends what changed since, and the rest after the devices were asked', async () => {
  const { copy, ram, asked } = source();
  const sent: number[] = [];
  const deliver = async ({ numbers }: PageBatch) => void sent.push(...numbers);
  await copy.round(deliver);
  ram[7 * PAGE_BYTES] = ram[4_999 * PAGE_BYTES] = 2;
  sent.length = asked.length = 0;
  const heads: MachineHead[] = [];
  expect(await copy.finish(deliver, async head => void heads.push(head))).toBe(2);
  expect(heads).toEqual([{ format: 1 }]);
  expect(sent).toEqual([7, 4_999]);
  expect(asked).toEqual(['head', 'last pages', 'last pages']);
});

it('sends all of a guest that stands still, with a bounded number under way, and the head before the last of it', async () => {
  const { copy } = source();
  const wire = new Wire();
  let before: number | undefined;
  const finishing = copy.finish(wire.deliver, async () => void (before = wire.pages.length));
  // Some slices are looked at ahead.
  expect(await wire.settle()).toBeLessThanOrEqual(2 * WINDOW);
  await wire.takeAll();
  expect(await finishing).toBe(PAGES);
  expect([...wire.pages].sort((a, b) => a - b)).toEqual(Array.from({ length: PAGES }, (_, page) => page));
  expect(before).toBeLessThan(PAGES);
});

it.each([
  ['refuses', () => Promise.reject(new Error('the wire is cut'))],
  [
    'throws',
    () => {
      throw new Error('the wire is cut');
    },
  ],
])('can only be stopped when a wire %s', async (_, deliver) => {
  const { copy, asked } = source();
  await expect(copy.round(deliver)).rejects.toThrow('the wire is cut');
  await expect(copy.round(async () => undefined)).rejects.toMatchObject({ code: 'VM_WRONG_STATE' });
  await expect(copy.finish(nothing, nothing)).rejects.toMatchObject({ code: 'VM_WRONG_STATE' });
  await copy.stop();
  expect(asked.at(-1)).toBe('stop');
});

it('ends at once when it is called off, whatever the wire does, and sends nothing more', async () => {
  const { copy } = source();
  const wire = new Wire();
  const abort = new AbortController();
  const round = copy.round(wire.deliver, abort.signal);
  round.catch(() => undefined);
  await wire.settle();
  const reason = new Error('called off');
  abort.abort(reason);
  await expect(round).rejects.toBe(reason);
  const sent = wire.pages.length;
  await wire.takeAll();
  expect(wire.pages).toHaveLength(sent);
  await expect(copy.finish(wire.deliver, nothing)).rejects.toMatchObject({ code: 'VM_WRONG_STATE' });
});

it('goes on after one that was called off before it began', async () => {
  const { copy } = source();
  const reason = new Error('called off');
  await expect(copy.round(async () => undefined, AbortSignal.abort(reason))).rejects.toBe(reason);
  expect((await copy.round(async () => undefined)).pages).toBe(PAGES);
});

it('does one thing at a time', async () => {
  const { copy } = source();
  const wire = new Wire();
  const round = copy.round(wire.deliver);
  await expect(copy.round(wire.deliver)).rejects.toMatchObject({ code: 'VM_BUSY' });
  await expect(copy.finish(wire.deliver, nothing)).rejects.toMatchObject({ code: 'VM_BUSY' });
  await wire.takeAll();
  expect((await round).pages).toBe(PAGES);
});

import type { MachineState, OutgoingCopy, PageBatch } from './index';
import { ensureTemplate } from './template/template';
import { Guests, sh, uptime } from './testing/guests.fixture';
import type { Guest } from './worker/guest';

jest.setTimeout(120_000);

let guests: Guests;
let template: MachineState;
beforeAll(async () => {
  guests = await Guests.prepare();
  template = await ensureTemplate(guests.template);
});
afterEach(() => guests.stop());

/** A stopped machine that holds the template, and how it takes a copy. */
async function arriving(): Promise<{
  guest: Guest;
  write: (batch: PageBatch) => Promise<void>;
  finish: Finish;
}> {
  const guest = await guests.create();
  await guest.load(template);
  const copy = await guest.copyIn();
  return { guest, write: batch => copy.write(batch), finish: head => copy.finish(head) };
}
type Finish = Awaited<ReturnType<Guest['copyIn']>>['finish'];

/** Rounds while it runs, then the rest. @returns pages of each */
async function move(
  copy: OutgoingCopy,
  source: Guest,
  to: Awaited<ReturnType<typeof arriving>>,
): Promise<number[]> {
  const pages: number[] = [];
  for (let i = 0; i < 3; i++) pages.push((await copy.round(to.write)).pages);
  await source.pause();
  const { head, pages: rest } = await copy.finish(to.write);
  await to.finish(head);
  return [...pages, rest];
}

const sameMemory = (a: MachineState, b: MachineState) =>
  Buffer.from(a.memory.buffer).equals(Buffer.from(b.memory.buffer));

it('moves a guest at work: nothing is lost, few pages move, and it can come back', async () => {
  const source = await guests.start();
  await sh(
    source,
    'dd if=/dev/urandom of=/tmp/data bs=64k count=32 2>/dev/null; sha256sum /tmp/data > /tmp/sum',
  );
  await sh(source, '(i=0; while :; do i=$((i+1)); echo $i > /tmp/count; done) >/dev/null 2>&1 </dev/null &');
  await sh(source, 'until [ "$(cat /tmp/count)" -gt 20 ]; do usleep 10000; done');
  const before = { up: await uptime(source), count: Number(await sh(source, 'cat /tmp/count')) };

  const copy = await source.copyOut(template.memory);
  const there = await arriving();
  const pages = await move(copy, source, there);
  expect(pages[0]).toBeGreaterThan(512);
  expect(pages.reduce((sum, n) => sum + n)).toBeLessThan((64 * 256) / 3);
  expect(sameMemory(await there.guest.save(), await source.save())).toBe(true);

  await source.terminate();
  await there.guest.run();
  expect(await sh(there.guest, 'sha256sum -c /tmp/sum; hostname')).toBe('/tmp/data: OK\nvm0');
  expect(await uptime(there.guest)).toBeGreaterThanOrEqual(before.up);
  await sh(there.guest, `until [ "$(cat /tmp/count)" -gt ${before.count + 20} ]; do usleep 10000; done`);

  // A machine that has run another guest takes one as well as a new one does.
  const back = await arriving();
  await back.guest.load(template);
  await back.guest.run();
  const again = await there.guest.copyOut(template.memory);
  const target = await back.guest.copyIn();
  await back.guest.load(template);
  await move(again, there.guest, {
    guest: back.guest,
    write: b => target.write(b),
    finish: h => target.finish(h),
  });
  await there.guest.terminate();
  await back.guest.run();
  expect(await sh(back.guest, 'sha256sum -c /tmp/sum; sleep 1; echo awake')).toBe('/tmp/data: OK\nawake');
});

it('leaves a guest as it was when the copy is given up, or fails', async () => {
  const source = await guests.start();
  const copy = await source.copyOut();
  const stop = new Error('the wire is cut');
  await expect(copy.round(() => Promise.reject(stop))).rejects.toBe(stop);
  await expect(copy.finish(async () => undefined)).rejects.toMatchObject({ code: 'VM_WRONG_STATE' });
  const abort = new AbortController();
  abort.abort(stop);
  await expect(copy.round(async () => undefined, abort.signal)).rejects.toBe(stop);
  await copy.stop();
  await copy.stop();
  await expect(copy.round(async () => undefined)).rejects.toMatchObject({ code: 'VM_WRONG_STATE' });
  expect(await sh(source, 'echo alive')).toBe('alive');
});

it('refuses what is no part of such a machine, and half a machine does not run', async () => {
  const { guest, write, finish } = await arriving();
  const page = (numbers: number[], bytes = numbers.length * 4096): PageBatch => ({
    numbers: Uint32Array.from(numbers),
    bytes: new Uint8Array(bytes),
  });
  for (const bad of [
    page([]),
    page([0], 4095),
    page([64 * 256]),
    page([0xffffffff]),
    page(Array(65).fill(0)),
  ]) {
    await expect(write(bad)).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
  }
  const { memory: _, ...head } = template;
  await guest.run(); // nothing was written
  await guest.pause();
  await write(page([7]));
  await expect(guest.run()).rejects.toMatchObject({ code: 'VM_WRONG_STATE' });
  await expect(finish({ ...head, memoryMiB: 128 })).rejects.toMatchObject({ code: 'STATE_INCOMPATIBLE' });
  await expect(finish({ ...head, devices: Uint8Array.of(1, 2, 3) })).rejects.toMatchObject({
    code: 'STATE_CORRUPT',
  });
  await expect(guest.run()).rejects.toMatchObject({ code: 'VM_WRONG_STATE' });
});

it('keeps a throttled guest from running for that share of its time', async () => {
  const guest = await guests.start();
  await sh(guest, '(while :; do :; done) >/dev/null 2>&1 </dev/null &');
  /** Instructions per millisecond, while the guest's shell sleeps and its loop does not. */
  const speed = async (): Promise<number> => {
    const [before, began] = [await guest.telemetry(), performance.now()];
    await sh(guest, 'sleep 1');
    const after = await guest.telemetry();
    return ((after.instructions - before.instructions) >>> 0) / (performance.now() - began);
  };
  await speed(); // translated by now
  const full = await speed();
  await guest.throttle(0.8);
  expect((await speed()) / full).toBeLessThan(0.5);
  await guest.throttle(0);
  expect((await speed()) / full).toBeGreaterThan(0.6);
});

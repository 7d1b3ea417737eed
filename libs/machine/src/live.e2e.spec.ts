import { createHash } from 'node:crypto';
import { deserialize, serialize } from 'node:v8';
import type { IncomingCopy, MachineHead, MachineState, OutgoingCopy, PageBatch } from './index';
import type { Deliver } from './live/outgoing-copy';
import { ensureTemplate } from './template/template';
import { Guests, sh, uptime } from './testing/guests.fixture';
import type { Guest } from './worker/guest';

/** Live copies of real guests, both ends in this process. */

const PAGES = (64 << 20) / 4096;

let guests: Guests;
let template: MachineState;
beforeAll(async () => {
  guests = await Guests.prepare();
  template = await ensureTemplate(guests.template);
});
afterEach(() => guests.stop());

interface Arriving {
  guest: Guest;
  copy: IncomingCopy;
}

/** A stopped machine that holds the template, a new one if none is given; it may have run that for some ms. */
async function arriving(guest?: Guest, warmMs = 0): Promise<Arriving> {
  guest ??= await guests.create();
  await guest.load(template);
  if (warmMs === 0) return { guest, copy: await guest.copyIn() };
  await guest.simulate(warmMs);
  return { guest, copy: await guest.copyIn(template.memory) };
}

/** Rounds while it runs, then the rest; it stands still afterwards, at both ends. @returns pages of each */
async function move(source: Guest, copy: OutgoingCopy, to: IncomingCopy, rounds = 3): Promise<number[]> {
  const write = (batch: PageBatch) => to.write(batch);
  const pages: number[] = [];
  while (pages.length < rounds) pages.push((await copy.round(write)).pages);
  await source.pause();
  const { head, pages: rest } = await finish(copy, write);
  await to.finish(head);
  return [...pages, rest];
}

async function finish(copy: OutgoingCopy, write: Deliver): Promise<{ head: MachineHead; pages: number }> {
  let head: MachineHead | undefined;
  const pages = await copy.finish(write, async whole => void (head = whole));
  return { head: head as MachineHead, pages };
}

const memory = async (guest: Guest) => Buffer.from((await guest.save()).memory.buffer);

/** Pages that are not the same in two machines. */
async function different(a: Guest, b: Guest): Promise<number[]> {
  const [of, other] = [await memory(a), await memory(b)];
  const pages = Array.from({ length: PAGES }, (_, page) => page);
  return pages.filter(page =>
    of.compare(other, page * 4096, (page + 1) * 4096, page * 4096, (page + 1) * 4096),
  );
}

const sum = (numbers: number[]) => numbers.reduce((all, one) => all + one, 0);

/** Counts in the background, each number written before the next. */
const count = (guest: Guest) =>
  sh(guest, '(i=0; while :; do i=$((i+1)); echo $i > /tmp/count; done) >/dev/null 2>&1 </dev/null &');
const counted = async (guest: Guest) => Number(await sh(guest, 'cat /tmp/count || echo 0'));
const countsOn = (guest: Guest, from: number) =>
  sh(guest, `until [ "$(cat /tmp/count)" -gt ${from + 20} ]; do usleep 10000; done`);

/** In the guest: one hash after the other, each a line of a file, until it is told that there are enough. */
const INPUT = 'seed\n'.repeat(40_000);
const hashing =
  `yes seed | head -c ${INPUT.length} > /tmp/input; i=0; until [ -e /tmp/enough ]; do i=$((i+1)); ` +
  '(cat /tmp/input; echo $i) | sha256sum >> /tmp/sums; done; mv /tmp/sums /tmp/result';
const hashes = (guest: Guest) => sh(guest, 'wc -l < /tmp/sums').then(Number);
const expectedHashes = (count: number) =>
  Array.from({ length: count }, (_, i) =>
    createHash('sha256')
      .update(`${INPUT}${i + 1}\n`)
      .digest('hex')
      .concat('  -'),
  ).join('\n');

describe('a guest that is copied while it runs', () => {
  it.each([
    ['that was just made', 0],
    ['that ran the template before', 700],
  ])('goes on in a machine %s as if nothing had been', async (_, warmMs) => {
    const source = await guests.start();
    await sh(source, `(${hashing}) >/dev/null 2>&1 </dev/null & echo started`);
    await sh(source, 'until [ -s /tmp/sums ]; do usleep 10000; done');
    const up = await uptime(source);
    const to = await arriving(undefined, warmMs);
    await move(source, await source.copyOut(template.memory), to.copy);
    expect(await different(source, to.guest)).toEqual([]);
    const stoppedAt = Date.now();
    await source.terminate();

    await to.guest.run();
    const [uptimeThere, date] = (await sh(to.guest, 'cut -d" " -f1 /proc/uptime; date +%s'))
      .split('\n')
      .map(Number);
    expect(uptimeThere).toBeGreaterThanOrEqual(up);
    expect(uptimeThere! - up).toBeLessThan(60);
    // Its clock stood still while it did, and goes on; whoever moved it sets it.
    expect(Math.abs(date! - stoppedAt / 1000)).toBeLessThan(60);
    await to.guest.config.setClock();
    expect(Math.abs(Number(await sh(to.guest, 'date +%s')) - Date.now() / 1000)).toBeLessThan(5);
    const before = await hashes(to.guest);
    while ((await hashes(to.guest)) <= before); // it hashes on
    await sh(to.guest, 'touch /tmp/enough; until [ -e /tmp/result ]; do usleep 10000; done', 120_000);
    const result = await sh(to.guest, 'cat /tmp/result');
    expect(result).toBe(expectedHashes(result.split('\n').length));
    expect(await sh(to.guest, 'hostname')).toBe('vm0');
    await sh(to.guest, 'sleep 1');
  });

  it('moves few pages if both machines begin from the template, and each but once if it rests', async () => {
    const source = await guests.start();
    const to = await arriving();
    const pages = await move(source, await source.copyOut(template.memory), to.copy);
    expect(pages[0]).toBeGreaterThan(0);
    expect(sum(pages)).toBeLessThan(0.2 * PAGES);
    await to.guest.run();
    expect(await sh(to.guest, 'hostname')).toBe('vm0');
  });

  it('moves into a machine that holds nothing', async () => {
    const source = await guests.start();
    const guest = await guests.create();
    await move(source, await source.copyOut(), await guest.copyIn(), 1);
    expect(await different(source, guest)).toEqual([]);
    await source.terminate();
    await guest.run();
    expect(await sh(guest, 'hostname')).toBe('vm0');
  });

  it('comes back to the machine that it left, and sleeps still end', async () => {
    const there = await guests.start();
    const other = await guests.create();
    await count(there);
    let [from, to] = [there, other];
    for (let moves = 0; moves < 3; moves++) {
      const before = { up: await uptime(from), count: await counted(from) };
      const target = await arriving(to, 300 * (moves % 2));
      await move(from, await from.copyOut(template.memory), target.copy);
      expect(await different(from, to)).toEqual([]);
      await to.run();
      expect(await uptime(to)).toBeGreaterThanOrEqual(before.up);
      await countsOn(to, before.count);
      const asleep = await uptime(to);
      await sh(to, 'sleep 1');
      expect((await uptime(to)) - asleep).toBeGreaterThan(0.9);
      [from, to] = [to, from];
    }
  });
});

describe('a capture', () => {
  it('of a guest that runs is the machine at one instant, and the guest runs on', async () => {
    const source = await guests.start();
    await count(source);
    await countsOn(source, 0);
    const before = await counted(source);
    const up = await uptime(source);
    const { base, changes, pauseMs, ...head } = await source.capture(template.memory);
    expect([base, pauseMs > 0]).toEqual([template.memory, true]);
    expect(changes.size).toBeLessThan(0.5 * PAGES);
    await countsOn(source, before);
    await source.terminate();

    const memory = new Uint8Array(new SharedArrayBuffer(template.memory.length));
    memory.set(template.memory);
    for (const [page, bytes] of changes) memory.set(bytes, page * 4096);
    const back = await guests.resume({ ...head, memory });
    expect(await sh(back, 'hostname')).toBe('vm0');
    expect(await uptime(back)).toBeGreaterThanOrEqual(up);
    await countsOn(back, before);
    await sh(back, 'sleep 1');
  });

  it('of one that stands still is what it has in memory, and it stands still afterwards', async () => {
    const source = await guests.start();
    await source.pause();
    const { changes, pauseMs } = await source.capture();
    expect(pauseMs).toBe(0);
    const copy = Buffer.alloc(template.memory.length);
    for (const [page, bytes] of changes) copy.set(bytes, page * 4096);
    expect(copy.equals(await memory(source))).toBe(true);
    await source.run();
    expect(await sh(source, 'hostname')).toBe('vm0');
  });

  it('ends a copy that was under way, and is refused by half a machine', async () => {
    const source = await guests.start();
    const copy = await source.copyOut(template.memory);
    await source.capture(template.memory);
    await expect(copy.round(async () => undefined)).rejects.toMatchObject({ code: 'VM_WRONG_STATE' });
    const { guest } = await arriving();
    await expect(guest.capture()).rejects.toMatchObject({ code: 'VM_WRONG_STATE' });
  });
});

describe('a copy that is given up', () => {
  it('in the middle, leaves its guest as it was', async () => {
    const source = await guests.start();
    await count(source);
    const to = await arriving();
    const copy = await source.copyOut(template.memory);
    let stopping: Promise<void> | undefined;
    const round = copy.round(batch => {
      stopping ??= copy.stop();
      return stopping.then(() => to.copy.write(batch));
    });
    await round.catch(error => expect(error).toMatchObject({ code: 'VM_WRONG_STATE' }));
    await stopping;
    await copy.stop();
    await expect(copy.round(batch => to.copy.write(batch))).rejects.toMatchObject({ code: 'VM_WRONG_STATE' });
    await countsOn(source, await counted(source));
  });

  it('does nothing to the one that came after it', async () => {
    const source = await guests.start();
    const first = await source.copyOut(template.memory);
    const to = await arriving();
    const second = await source.copyOut(template.memory);
    await expect(first.round(async () => undefined)).rejects.toMatchObject({ code: 'VM_WRONG_STATE' });
    await first.stop();
    await move(source, second, to.copy, 1);
    expect(await different(source, to.guest)).toEqual([]);
  });

  it('after its guest ended, has nothing to stop', async () => {
    const source = await guests.start();
    const copy = await source.copyOut();
    await source.terminate();
    await expect(copy.round(async () => undefined)).rejects.toMatchObject({ code: 'GUEST_FAILED' });
    await copy.stop();
    await copy.stop();
  });

  it('and a machine that expected it, take another one', async () => {
    const guest = await guests.create();
    const copy = await guest.copyIn();
    await copy.write({ numbers: Uint32Array.of(5_000), bytes: new Uint8Array(4096).fill(0xee) });
    await expect(guest.run()).rejects.toMatchObject({ code: 'VM_WRONG_STATE' });
    await guest.load(template);
    // Only the page that the copy wrote: a device that is asked for its state may finish what it was doing in others.
    const written = (all: Buffer) => all.subarray(5_000 * 4096, 5_001 * 4096);
    expect(written(await memory(guest))).toEqual(written(Buffer.from(template.memory.buffer)));
    await guest.run();
    await guest.agent.ping();
    await expect(
      copy.write({ numbers: Uint32Array.of(0), bytes: new Uint8Array(4096) }),
    ).rejects.toMatchObject({ code: 'VM_WRONG_STATE' });
    await guest.agent.ping();
  });
});

describe('what does not fit', () => {
  it('is refused, and the machine does not run until it is whole', async () => {
    const source = await guests.start();
    const { guest, copy } = await arriving();
    const out = await source.copyOut(template.memory);
    const write = (batch: PageBatch) => copy.write(batch);
    await expect(finish(out, write)).rejects.toMatchObject({ code: 'VM_WRONG_STATE' }); // it runs
    await out.round(write);
    await expect(
      write({ numbers: Uint32Array.of(PAGES), bytes: new Uint8Array(4096) }),
    ).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
      message: expect.stringContaining(`no page ${PAGES}`) as string,
    });
    await source.pause();
    const { head } = await finish(out, write);
    const { engine, devices } = deserialize(head.devices) as { engine: object; devices: object };
    const withDevices = (change: unknown): MachineHead => ({ ...head, devices: serialize(change) });
    for (const [bad, code] of [
      [{ ...head, memoryMiB: 128 }, 'STATE_INCOMPATIBLE'],
      [{ ...head, nicCount: 3 }, 'STATE_INCOMPATIBLE'],
      [{ ...head, engineVersion: 'v86 0.1' }, 'STATE_INCOMPATIBLE'],
      [{ ...head, format: 99 }, 'STATE_INCOMPATIBLE'],
      [{ ...head, devices: Uint8Array.of(1, 2, 3) }, 'STATE_CORRUPT'],
      [withDevices(null), 'STATE_CORRUPT'],
      [withDevices({ engine, devices: 'none' }), 'STATE_CORRUPT'],
      [withDevices({ engine, devices: {} }), 'STATE_INCOMPATIBLE'],
      [withDevices({ engine: { ...engine, body: new Uint8Array(9) }, devices }), 'STATE_CORRUPT'],
      [withDevices({ engine: { ...engine, serialInput: 7 }, devices }), 'STATE_CORRUPT'],
      [withDevices({ engine, devices: { ...devices, 'virtio-net0': null } }), 'STATE_CORRUPT'],
    ] as [MachineHead, string][]) {
      await expect(copy.finish(bad)).rejects.toMatchObject({ code });
      await expect(guest.run()).rejects.toMatchObject({ code: 'VM_WRONG_STATE' });
    }
    await copy.finish(head);
    await guest.run();
    expect(await sh(guest, 'hostname')).toBe('vm0');
    await source.run();
    expect(await sh(source, 'hostname')).toBe('vm0');
  });

  it('is not taken in by a machine that runs, nor read from one of another size', async () => {
    const guest = await guests.start();
    await expect(guest.copyIn()).rejects.toMatchObject({ code: 'VM_WRONG_STATE' });
    const base = new Uint8Array(new SharedArrayBuffer(4096));
    await expect(guest.copyOut(base)).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
    for (const share of [-0.1, 0.96, 1, NaN]) {
      await expect(guest.throttle(share)).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
    }
    expect(await sh(guest, 'hostname')).toBe('vm0');
  });
});

it('a throttled guest runs less, and as before when it is released', async () => {
  const guest = await guests.start();
  await sh(guest, '(while :; do :; done) >/dev/null 2>&1 </dev/null &');
  const enough = 15e6;
  /** Instructions per millisecond, over so many of them. */
  const rate = async (): Promise<number> => {
    const began = performance.now();
    let { instructions: last } = await guest.telemetry();
    let done = 0;
    while (done < enough) {
      const { instructions } = await guest.telemetry();
      done += (instructions - last) >>> 0;
      last = instructions;
    }
    return done / (performance.now() - began);
  };
  await rate(); // translated by now
  const full = await rate();
  await guest.throttle(0.95);
  const throttled = await rate();
  await guest.throttle(0);
  const released = await rate();
  expect(throttled).toBeLessThan(full / 3);
  expect(released).toBeGreaterThan(throttled * 3);
});

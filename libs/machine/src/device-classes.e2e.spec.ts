import { exampleModule } from './testing/bare-metal.fixture';
import { Guests, sh } from './testing/guests.fixture';
import type { Guest } from './worker/guest';

const PORT = 0x300;
const MIB = 1 << 20;
const mailbox = {
  deviceModules: [exampleModule('mailbox')],
  devices: [
    // The back-end comes first: the order of definition is not that of need.
    { class: 'upcase', id: 'echo', options: { of: 'box' } },
    { class: 'mailbox', id: 'box', options: { port: PORT, irq: 5 } },
  ],
};
const balloon = { devices: [{ class: 'virtio-balloon', id: 'balloon', options: {} }] };

let guests: Guests;
beforeAll(async () => {
  guests = await Guests.prepare();
});
afterEach(() => guests.stop());

const send = (guest: Guest, text: string) =>
  sh(
    guest,
    [...text]
      .map(letter => `printf ${letter} | dd of=/dev/port bs=1 count=1 seek=${PORT} conv=notrunc 2>/dev/null`)
      .join('; '),
  );
const register = (guest: Guest, offset: number, count = 1) =>
  sh(
    guest,
    `for i in $(seq ${count}); do dd if=/dev/port bs=1 count=1 skip=${PORT + offset} 2>/dev/null; done | od -An -tx1`,
  );

it('a third party’s device works in a real guest, and goes on in another machine', async () => {
  const guest = await guests.start(0, mailbox);
  await send(guest, 'hello');
  expect(await register(guest, 1)).toBe('03');
  expect(await register(guest, 0, 2)).toBe('48 45');
  await guest.pause();
  const moved = await guests.resume(await guest.save(), 0, mailbox);
  expect(await register(moved, 0, 4)).toBe('4c 4c 4f 00');
  expect(await register(moved, 2)).toBe('05');
  await send(moved, 'x');
  expect(await register(moved, 0)).toBe('58');
  expect((await moved.telemetry()).ports).toContainEqual(
    expect.objectContaining({ port: PORT, direction: 'out', device: 'box' }),
  );
});

it('a state goes only into a machine with the same devices', async () => {
  const guest = await guests.start(0, mailbox);
  await guest.pause();
  const state = await guest.save();
  const other = await guests.create(1);
  await expect(other.load(state)).rejects.toMatchObject({
    code: 'STATE_INCOMPATIBLE',
    message: expect.stringContaining('echo (upcase), box (mailbox), of this one they are none'),
  });
});

it.each([
  [
    'an unknown class',
    { devices: [{ class: 'mailbox', id: 'box', options: {} }] },
    'there is no device class',
  ],
  [
    'a bad option',
    { ...mailbox, devices: [{ class: 'mailbox', id: 'box', options: {} }] },
    '"port" is a number',
  ],
  ['no front-end', { ...mailbox, devices: [mailbox.devices[0]!] }, 'there is no char front-end "box"'],
  ['a bad module', { deviceModules: ['/nowhere.mjs'] }, 'the device module /nowhere.mjs cannot be used'],
])('refuses %s', async (_, options, message) => {
  await expect(guests.create(0, options)).rejects.toMatchObject({
    code: 'INVALID_REQUEST',
    message: expect.stringContaining(message),
  });
});

describe('a balloon', () => {
  it('takes memory from a real guest and gives it back; what it has is zero', async () => {
    const guest = await guests.start(0, balloon);
    const free = () => sh(guest, "awk '/MemTotal/ { print $2 }' /proc/meminfo").then(Number);
    const before = await free();
    await guest.memory.balloon(8 * MIB);
    await given(guest, 8 * MIB);
    expect(await free()).toBeLessThanOrEqual(before - 8 * 1024);
    await guest.pause();
    const zeros = await zeroPages(guest);
    const moved = await guests.resume(await guest.save(), 0, balloon);
    expect(zeros).toBeGreaterThanOrEqual((8 * MIB) / 4096);
    // Its machine is whole: the guest takes all of it back.
    await given(moved, 0);
    expect(Number(await sh(moved, "awk '/MemTotal/ { print $2 }' /proc/meminfo"))).toBe(before);
  });

  it('is refused to a machine that has none', async () => {
    const guest = await guests.create(0);
    await expect(guest.memory.balloon(4096)).rejects.toMatchObject({ code: 'VM_WRONG_STATE' });
  });
});

async function given(guest: Guest, bytes: number): Promise<void> {
  for (;;) {
    const { balloon } = await guest.telemetry();
    if (balloon!.actual * 4096 === bytes) return;
    await new Promise(resolve => setTimeout(resolve, 20));
  }
}

async function zeroPages(guest: Guest): Promise<number> {
  const { memory } = await guest.save();
  let zeros = 0;
  for (let at = 0; at < memory.length; at += 4096) {
    if (memory.subarray(at, at + 4096).every(byte => byte === 0)) zeros++;
  }
  return zeros;
}

import type { NicMode } from '@v3vee/contracts';
import { connect, Guests, sh } from './testing/guests.fixture';
import type { Guest } from './worker/guest';

/** Cards of real guests under every dispatch mode, and what their drivers and their hosts set about them. */

const ADDRESSES = ['10.0.0.1', '10.0.0.2'];
const FILE = 256 << 10;

let guests: Guests;
let pair: Guest[];
const digests: string[] = [];

beforeAll(async () => {
  guests = await Guests.prepare();
  pair = [await guests.start(0), await guests.start(1)];
  connect(...pair);
  for (const guest of pair) {
    const make = `mkdir -p /tmp/www && head -c ${FILE} /dev/urandom > /tmp/www/f && httpd -p 80 -h /tmp/www`;
    digests.push((await sh(guest, `${make} && sha256sum < /tmp/www/f`)).slice(0, 64));
  }
});
afterAll(() => guests.stop());

const both = <T>(action: (guest: Guest, index: number) => Promise<T>) => Promise.all(pair.map(action));
const card = async (guest: Guest) => {
  const { devices, nics } = await guest.telemetry();
  return { count: devices['virtio-net0']!, dispatch: nics[0]! };
};

/** Pings the other guest and fetches its file, both at the same time in both directions. */
async function traffic(): Promise<void> {
  const answers = await both((guest, index) => {
    const other = ADDRESSES[1 - index]!;
    const fetch = `wget -q -O - http://${other}/f | sha256sum`;
    return sh(guest, `${fetch} > /tmp/sum & ping -c 3 -i 0.1 -q ${other}; wait; cat /tmp/sum`, 120_000);
  });
  answers.forEach((answer, index) => {
    expect(answer).toContain('3 packets received');
    expect(answer).toContain(digests[1 - index]);
  });
}

describe.each<[NicMode, boolean]>([
  ['guest-driven', false],
  ['vmm-driven', false],
  ['adaptive', false],
  ['guest-driven', true],
  ['vmm-driven', true],
])('%s, optimistic interrupts: %p', (mode, optimisticInterrupts) => {
  it('carries pings and files both ways', async () => {
    for (const guest of pair) guest.setNic(0, { mode, optimisticInterrupts });
    const before = await both(card);
    await traffic();
    const after = await both(card);
    after.forEach(({ dispatch, count }, index) => {
      const was = before[index]!;
      const interrupts = dispatch.interrupts - was.dispatch.interrupts;
      const kicks = dispatch.kicks - was.dispatch.kicks;
      const polls = dispatch.polls - was.dispatch.polls;
      const early = dispatch.earlyInterrupts - was.dispatch.earlyInterrupts;
      expect(dispatch.mode).toBe(mode);
      expect(count.rxDroppedFull).toBe(0);
      expect(count.rxBytes! - was.count.rxBytes!).toBeGreaterThan(FILE);
      expect(interrupts).toBeGreaterThan(0);
      if (mode !== 'adaptive') expect([dispatch.transmit, dispatch.receive]).toEqual([mode, mode]);
      if (mode === 'guest-driven') expect([polls, kicks > 0]).toEqual([0, true]);
      if (mode === 'vmm-driven') expect(polls).toBeGreaterThan(0);
      if (!optimisticInterrupts) expect(early).toBe(0);
      expect(dispatch.spuriousInterrupts).toBeLessThanOrEqual(dispatch.earlyInterrupts);
    });
  });
});

it('modes may change while a file is under way', async () => {
  const before = (await card(pair[0]!)).dispatch.switches;
  let running = true;
  const under = traffic().finally(() => (running = false));
  const modes: NicMode[] = ['vmm-driven', 'guest-driven', 'adaptive'];
  for (let round = 0; running; round++) {
    for (const guest of pair)
      guest.setNic(0, { mode: modes[round % 3], optimisticInterrupts: round % 2 === 0 });
    await both(guest => guest.telemetry());
  }
  await under;
  expect((await card(pair[0]!)).dispatch.switches).toBeGreaterThan(before);
  for (const guest of pair) guest.setNic(0, { mode: 'guest-driven', optimisticInterrupts: false });
});

it('an idle guest in vmm-driven mode sleeps, and wakes for a frame', async () => {
  for (const guest of pair) guest.setNic(0, { mode: 'vmm-driven' });
  const { idleMs } = await pair[0]!.telemetry();
  while ((await pair[0]!.telemetry()).idleMs < idleMs + 1000); // a guest that does not sleep stays here
  expect(await sh(pair[1]!, 'ping -c 1 -W 30 10.0.0.1')).toContain('1 packets received');
  for (const guest of pair) guest.setNic(0, { mode: 'guest-driven' });
});

describe('what the driver sets', () => {
  /** Sends a frame to `mac`; whether the card let it in. */
  const hears = async (mac: string): Promise<boolean> => {
    const guest = pair[0]!;
    const frame = new Uint8Array(12 + 60);
    frame.set(Buffer.from(mac.replaceAll(':', ''), 'hex'), 12);
    frame.set([0x88, 0xb5], 24); // local experimental EtherType (IEEE 802)
    const { rxFiltered } = (await card(guest)).count;
    guest.sendFrames(0, [frame]);
    return (await card(guest)).count.rxFiltered === rxFiltered;
  };
  const OWN = '02:00:00:00:01:10';
  const STRANGER = '02:00:00:00:01:77';
  const GROUP = '33:33:ff:12:34:56';

  it('filters: promiscuous mode, and the group of an IPv6 address', async () => {
    const [guest] = pair as [Guest, Guest];
    const heard = async () => [await hears(OWN), await hears(STRANGER), await hears(GROUP)];
    expect(await heard()).toEqual([true, false, false]);
    await sh(guest, 'ip link set eth0 promisc on');
    expect(await heard()).toEqual([true, true, true]);
    await sh(guest, 'ip link set eth0 promisc off');
    expect(await heard()).toEqual([true, false, false]);
    await sh(guest, 'ip -6 addr add fd00::12:3456/64 dev eth0');
    expect(await heard()).toEqual([true, false, true]);
    await sh(guest, 'ip -6 addr del fd00::12:3456/64 dev eth0; ifconfig eth0 allmulti');
    expect(await heard()).toEqual([true, false, true]);
    await sh(guest, 'ifconfig eth0 -allmulti');
    expect(await heard()).toEqual([true, false, false]);
    expect((await card(guest)).count.controlRefused).toBe(0);
  });

  it('its address, which the spoof guard lets pass only if it is the configured one', async () => {
    const [guest, other] = pair as [Guest, Guest];
    await sh(guest, `ip link set eth0 address ${STRANGER}`);
    expect([await hears(OWN), await hears(STRANGER)]).toEqual([false, true]);
    const ping = 'ping -c 1 -W 3 10.0.0.2 | grep -c "bytes from" || true';
    await sh(other, 'ip neigh flush dev eth0');
    expect(await sh(guest, ping)).toBe('1');
    guest.setNic(0, { spoofGuard: true });
    expect(await sh(guest, ping)).toBe('0');
    expect((await card(guest)).count.txSpoofed).toBeGreaterThan(0);
    await sh(guest, `ip link set eth0 address ${OWN}`);
    await sh(other, 'ip neigh flush dev eth0');
    expect(await sh(guest, ping)).toBe('1');
    guest.setNic(0, { spoofGuard: false });
  });
});

it('the cable goes out and in, as the guest sees', async () => {
  const [guest] = pair as [Guest, Guest];
  const until = (carrier: number) =>
    sh(
      guest,
      `until [ "$(cat /sys/class/net/eth0/carrier)" = ${carrier} ]; do usleep 20000; done; echo seen`,
    );
  guest.setNic(0, { linkUp: false });
  expect(await until(0)).toBe('seen');
  guest.setNic(0, { linkUp: true });
  expect(await until(1)).toBe('seen');
});

it('announces itself when it is asked to', async () => {
  const [guest] = pair as [Guest, Guest];
  const announced = new Promise<void>(resolve => {
    const stop = guest.onFrames((_, frames) => {
      const gratuitous = frames.some(
        frame => frame[24] === 8 && frame[25] === 6 && same(frame.slice(40, 44), frame.slice(50, 54)),
      );
      if (!gratuitous) return;
      stop();
      resolve();
    });
  });
  guest.announce(0);
  await announced;
});

const same = (a: Uint8Array, b: Uint8Array) => Buffer.from(a).equals(b);

it('settings that cannot be are refused', () => {
  const [guest] = pair as [Guest, Guest];
  const refused = (nic: number, settings: object) => {
    expect(() => guest.setNic(nic, settings)).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST' }));
  };
  refused(1, { linkUp: true });
  refused(0, { mode: 'psychic' });
  refused(0, { spoofGuard: 'yes' });
});

it('a machine that was saved in the middle of a transfer goes on in another one, in another mode', async () => {
  const [source, client] = pair as [Guest, Guest];
  source.setNic(0, { mode: 'vmm-driven' });
  const { rxBytes } = (await card(client)).count;
  let under = true;
  const sum = sh(client, `wget -q -O - http://${ADDRESSES[0]}/f | sha256sum`, 120_000);
  void sum.catch(() => undefined).finally(() => (under = false));
  while (under && (await card(client)).count.rxBytes! < rxBytes! + FILE / 8);
  await source.pause();
  const state = await source.save();
  await source.terminate();
  const [nic] = guests.options(0).nics;
  const target = await guests.create(0, { nics: [{ ...nic!, mode: 'adaptive' }] });
  await target.load(state);
  connect(target, client);
  await target.run();
  expect(await sum).toContain(digests[0]);
  expect((await card(target)).dispatch.mode).toBe('adaptive');
});

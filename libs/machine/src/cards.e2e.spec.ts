import { Guests, identityOf, sh } from './testing/guests.fixture';
import type { MachineState } from './state/machine-state';
import type { CardConfig, Guest } from './index';

/**
 * Debian's own drivers on our cards. One guest is booted with a card of each kind and saved before a driver looks;
 * two start from that, each with addresses of its own, their cards joined card by card.
 */

const CARDS: { model: CardConfig['model']; driver: string; needs: string }[] = [
  { model: 'ne2000', driver: 'ne2k-pci', needs: '8390' },
  { model: 'rtl8139c', driver: '8139too', needs: 'mii' },
  { model: 'rtl8139c+', driver: '8139cp', needs: '' },
];

const macOf = (guest: number, card: number) => `02:00:00:00:0${guest}:0${card}`;
const cardsOf = (guest: number): CardConfig[] =>
  CARDS.map(({ model }, card) => ({ model, mac: macOf(guest, card) }));

let guests: Guests;
let booted: MachineState;
let pair: [Guest, Guest];

beforeAll(async () => {
  guests = await Guests.prepare();
  const first = await guests.create(0, { cards: cardsOf(0) });
  await first.boot();
  await first.run();
  await first.config.up(240_000);
  await first.pause();
  booted = await first.save();
  await first.terminate();
  pair = [await start(1), await start(2)];
  for (const [from, to] of [pair, [pair[1], pair[0]]] as const) {
    from.onCardFrames((card, frames) => to.sendCardFrames(card, frames));
  }
});
afterAll(() => guests.stop());

async function start(index: number): Promise<Guest> {
  const guest = await guests.create(index, { cards: cardsOf(index) });
  await guest.load(booted);
  await guest.run();
  await guest.config.configure(identityOf(index));
  return guest;
}

/** Loads a driver; the name of the interface that it made of the card. */
async function drive(guest: Guest, index: number, card: number): Promise<string> {
  const { driver, needs } = CARDS[card]!;
  await sh(guest, `cd /lib/modules; for m in ${needs} ${driver}; do insmod $m.ko; done`);
  const name = await sh(guest, `grep -l ${macOf(index, card)} /sys/class/net/*/address | cut -d/ -f5`);
  await sh(guest, `ip addr add 10.1.${card}.${index}/24 dev ${name}; ip link set ${name} up`);
  return name;
}

it.each(CARDS.map((kind, card) => [kind.driver, card] as const))('%s', async (driver, card) => {
  const [a, b] = pair;
  const name = await drive(a, 1, card);
  await drive(b, 2, card);
  console.log(
    await sh(
      a,
      `dmesg | tail -5; ethtool -k ${name} | grep -E ': on'; lspci 2>/dev/null; cat /proc/ioports | tail -5`,
    ),
  );
  expect(await sh(a, `ping -c 3 -i 0.2 -W 5 10.1.${card}.2`)).toContain('3 packets received');
  await sh(
    b,
    'mkdir -p /tmp/www; [ -f /tmp/www/f ] || dd if=/dev/urandom of=/tmp/www/f bs=64k count=8 2>/dev/null',
  );
  await sh(b, `httpd -p 10.1.${card}.2:80 -h /tmp/www`);
  const expected = (await sh(b, 'sha256sum /tmp/www/f')).slice(0, 64);
  const got = await sh(a, `wget -q -O - http://10.1.${card}.2/f | sha256sum`, 120_000);
  expect(got.slice(0, 64)).toBe(expected);
  const { devices } = await a.telemetry();
  console.log(driver, JSON.stringify(devices, null, 0));
});

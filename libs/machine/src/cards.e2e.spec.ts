import type { MachineState } from './state/machine-state';
import { ensureTemplate } from './template/template';
import { ending, Guests, identityOf, sh } from './testing/guests.fixture';
import type { CardConfig, Guest } from './index';

/**
 * Debian's own drivers on our cards. A template has a card of each kind and no driver yet; two guests start from it,
 * each with addresses of its own, their cards joined card by card.
 */

const CARDS: { model: CardConfig['model']; driver: string; needs: string }[] = [
  { model: 'ne2000', driver: 'ne2k-pci', needs: '8390' },
  { model: 'rtl8139', driver: '8139too', needs: 'mii' },
  { model: 'rtl8139c+', driver: '8139cp', needs: '' },
];

const VIOLATION = /rtl8139-1: DMA read of 64 bytes at 0xf0000000 from TSAD\d: outside of guest memory/;

/** Bytes of the file that crosses. */
const FILE = 128 << 10;

const macOf = (guest: number, card: number) => `02:00:00:00:0${guest}:0${card}`;
const cardsOf = (guest: number): CardConfig[] =>
  CARDS.map(({ model }, card) => ({ model, mac: macOf(guest, card) }));

let guests: Guests;
let booted: MachineState;
let pair: [Guest, Guest];

beforeAll(async () => {
  guests = await Guests.prepare();
  booted = await ensureTemplate({
    ...guests.template,
    cards: CARDS.map(({ model }) => ({ model, shared: false })),
  });
  pair = [await start(1), await start(2)];
  join(...pair);
});
afterAll(() => guests.stop());

/** Each guest's cards to the other's, as one wire per card. */
function join(...pair: [Guest, Guest]): void {
  const [a, b] = pair;
  a.onCardFrames((card, frames) => b.sendCardFrames(card, frames));
  b.onCardFrames((card, frames) => a.sendCardFrames(card, frames));
}

async function start(index: number): Promise<Guest> {
  const guest = await guests.create(index, { cards: cardsOf(index) });
  await guest.load(booted);
  await guest.run();
  await guest.config.configure(identityOf(index));
  return guest;
}

/** Loads a driver and gives the interface that it made of the card an address. */
async function drive(guest: Guest, index: number, card: number): Promise<void> {
  const { driver, needs } = CARDS[card]!;
  // by default, 8139too uses the registers in memory; the second guest has it use the ports
  const parameters = driver === '8139too' && index === 2 ? 'use_io=1' : '';
  await sh(
    guest,
    `cd /lib/modules; [ -z "${needs}" ] || insmod ${needs}.ko && insmod ${driver}.ko ${parameters} || exit 1
     name=$(grep -l ${macOf(index, card)} /sys/class/net/*/address | cut -d/ -f5)
     ip addr add 10.1.${card}.${index}/24 dev $name && ip link set $name up`,
  );
}

it.each(CARDS.map(({ driver, model }, card) => [driver, model, card] as const))(
  '%s drives the %s: ping, and a file with its SHA-256',
  async (_, model, card) => {
    const [a, b] = pair;
    await Promise.all([drive(a, 1, card), drive(b, 2, card)]);
    expect(await sh(a, `ping -c 3 -i 0.2 -W 10 10.1.${card}.2`)).toContain('3 packets received');
    const expected = await sh(
      b,
      `mkdir -p /www${card}; cd /www${card}; head -c ${FILE} /dev/urandom > f
       httpd -p 10.1.${card}.2:80 -h . && sha256sum f | cut -c1-64`,
    );
    const got = await sh(a, `wget -q -O - http://10.1.${card}.2/f | sha256sum | cut -c1-64`, 120_000);
    expect(got).toBe(expected);

    const name = `${model}-${card}`;
    const [receiver, sender] = [await a.telemetry(), await b.telemetry()].map(
      ({ devices }) => devices[name]!,
    );
    expect(receiver!.rxBytes).toBeGreaterThan(FILE);
    expect([receiver!.rxMissed, receiver!.portDropped, sender!.txDropped]).toEqual([0, 0, 0]);
    if (model === 'rtl8139c+') expect(sender!.txLargeSends).toBeGreaterThan(0);
  },
  180_000,
);

it('goes on after a save and restore, drivers and all', async () => {
  const [a] = pair;
  await a.pause();
  const state = await a.save();
  await a.terminate();
  const again = await guests.create(1, { cards: cardsOf(1) });
  join(again, pair[1]);
  await again.load(state);
  await again.run();
  for (const card of CARDS.keys()) {
    expect(await sh(again, `ping -c 2 -i 0.2 -W 10 10.1.${card}.2`)).toContain('2 packets received');
  }
});

it('stops a guest whose driver has its card read beyond memory, with the reason', async () => {
  const [, b] = pair;
  const end = ending(b);
  const attack = b.agent.exec({
    path: '/bin/sh',
    args: [
      '-c',
      `base=$(grep 8139too /proc/ioports | tail -1 | cut -d- -f1 | tr -d ' ')
       poke() { printf "$2" | dd of=/dev/port bs=4 count=1 seek=$((0x$base + $1)) oflag=seek_bytes 2>/dev/null; }
       for n in 0 4 8 12; do poke $((0x20 + n)) '\\000\\000\\000\\360'; done
       for n in 0 4 8 12; do poke $((0x10 + n)) '\\100\\000\\000\\000'; done`,
    ],
  });
  await expect(attack).rejects.toMatchObject({ code: 'GUEST_FAILED' });
  expect(await end).toMatchObject({ kind: 'device-fault', reason: expect.stringMatching(VIOLATION) });
});

it('refuses a state of a machine with other cards', async () => {
  const guest = await guests.create(0, { cards: [{ model: 'rtl8139', mac: macOf(0, 0) }] });
  await expect(guest.load(booted)).rejects.toMatchObject({
    code: 'STATE_INCOMPATIBLE',
    message: expect.stringContaining('rtl8139-0'),
  });
});

import { channelFrequency, encodeMacUse, encodeTransmitted, Ieee80211Frame, parseMac } from '@v3vee/wire';
import { randomSequence } from '../air';
import type { Guest } from './testing/guest';
import { HOME, House, WORK } from './testing/house';

/** `V3_SOAK_MINUTES=1 V3_SOAK_SEED=7 ./v3 test --soak hostile-guests` repeats a run. */
const MINUTES = Number(process.env.V3_SOAK_MINUTES ?? 30);
const SEED = Number(process.env.V3_SOAK_SEED ?? Date.now() % 1_000_000);

type Random = (below: number) => number;

const FREQUENCIES = [HOME.freq, WORK.freq, channelFrequency(1), channelFrequency(13), 5181, 0, 0xffffffff];

/** An 802.11 frame that looks right here and there. */
function anyFrame(random: Random, guest: Guest, victim: Guest): Uint8Array {
  const frame = new Uint8Array(random(4) ? random(300) : random(2_500)).map(() => random(256));
  const addresses = [
    guest.mac,
    guest.mac,
    victim.mac,
    Buffer.from('020000', 'hex'),
    new Uint8Array(6).fill(0xff),
  ];
  const cells = [HOME, WORK].map(({ bssid }) => parseMac(bssid));
  const place = (at: number, from: readonly Uint8Array[]) => {
    const address = from[random(from.length)] as Uint8Array;
    if (frame.length >= at + address.length) frame.set(address, at);
  };
  place(4, [...cells, ...addresses]);
  place(10, addresses);
  place(16, cells);
  if (random(3)) frame[0] = (frame[0] ?? 0) & 0xfc;
  return frame;
}

function anyMessage(random: Random, guest: Guest, victim: Guest, cookie: bigint): Uint8Array {
  const address = [
    guest.mac,
    victim.mac,
    new Uint8Array(6),
    Uint8Array.from({ length: 6 }, () => random(256)),
  ];
  const message = random(5)
    ? encodeTransmitted({
        radio: guest.phy,
        frame: anyFrame(random, guest, victim),
        flags: random(8),
        cookie,
        freq: FREQUENCIES[random(FREQUENCIES.length)] as number,
        rates: Array.from({ length: random(5) }, () => ({
          index: random(128),
          count: random(256),
          flags: random(2_048),
        })),
      })
    : encodeMacUse({
        kind: random(2) ? 'addMac' : 'delMac',
        radio: guest.phy,
        address: address[random(4)] as Uint8Array,
      });
  if (random(4) === 0)
    for (let hits = random(9); hits > 0; hits--) message[random(message.length)] = random(256);
  return random(9) ? message : message.slice(0, random(message.length + 1));
}

it(`hostile guests hurt neither the radio nor the others, seed ${SEED}`, () => {
  console.log(`seed ${SEED}`);
  let rounds = 0;
  for (const end = Date.now() + MINUTES * 60_000; Date.now() < end; rounds++) round(SEED + rounds);
  console.log(`${rounds} rounds`);
});

function round(seed: number): void {
  const sequence = randomSequence(seed, 'soak');
  const random: Random = below => Math.floor(sequence() * below);
  const house = new House();
  const radio = house.radio('alpha/radio0', { channels: 1 + random(2) });
  const [good, other] = [house.member(radio, HOME), house.member(radio, random(2) ? WORK : HOME)];
  const evil = [house.guest(radio), house.guest(radio)];
  const away = new Map<Guest, ReturnType<typeof radio.detachVm>>();
  let number = 0;
  for (let step = 0; step < 400; step++) {
    for (const guest of evil) {
      const context = away.get(guest);
      if (context) {
        if (random(5)) continue;
        away.delete(guest);
        guest.epoch++;
        guest.attach(random(2) ? context : undefined);
      }
      for (let i = random(6); i > 0; i--) guest.message(anyMessage(random, guest, good, BigInt(step)));
      if (random(100) === 0) away.set(guest, radio.detachVm(guest.vmId));
      else if (random(200) === 0) radio.setMonitor(guest.vmId, random(2) === 1);
    }
    if (step % 4 === 0) {
      good.data(++number);
      other.data(number);
      house.deliver('home', good, number);
    }
    house.clock.turn(random(20), random(3));
  }
  // Whoever was hostile goes; what they left behind does not stay.
  for (const guest of evil) radio.removeVm(guest.vmId);
  house.clock.turn(3_000);
  const what = `seed ${seed}`;
  const expected = Array.from({ length: number }, (_, i) => i + 1);
  expect({ what, wired: house.wired.get('home')!.filter(inOrder()) }).toEqual({ what, wired: expected });
  expect({ what, numbers: good.numbers }).toEqual({ what, numbers: expected });
  for (const guest of [good, other]) {
    expect({ what, answers: guest.statuses.length }).toEqual({ what, answers: guest.sent });
    expect(new Set(guest.statuses.map(({ cookie }) => cookie)).size).toBe(guest.sent);
  }
  expect(radio.stations().map(({ queued, drops, state }) => ({ queued, drops, state }))).toEqual([
    { queued: 0, drops: {}, state: 'associated' },
    { queued: 0, drops: {}, state: 'associated' },
  ]);
  for (const guest of [good, other, ...evil]) {
    for (const { view } of guest.received) expect(() => Ieee80211Frame.read(view.bytes)).not.toThrow();
  }
}

/** Both may be at the same access point. */
function inOrder(): (number: number) => boolean {
  let last = 0;
  return number => number > last && (last = number) > 0;
}

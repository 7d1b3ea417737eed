import { Ieee80211Frame } from '@v3vee/wire';
import type { Sniffed } from '../air';
import { HOME, House, numbers, WORK } from './testing/house';

/** Two guests of one radio, on two channels. */
function twoChannels() {
  const house = new House();
  const radio = house.radio();
  const [a, b] = [house.member(radio, HOME), house.member(radio, WORK)];
  house.clock.turn(100);
  return { house, radio, a, b };
}

it('lets VMs be in different networks at once', () => {
  const { house, radio, a, b } = twoChannels();
  for (const number of numbers(30)) {
    a.data(number);
    b.data(number);
    house.deliver('home', a, number);
    house.deliver('work', b, number);
    house.clock.turn(7);
  }
  house.clock.turn(200);
  expect(house.wired.get('home')).toEqual(numbers(30));
  expect(house.wired.get('work')).toEqual(numbers(30));
  expect([a.numbers, b.numbers]).toEqual([numbers(30), numbers(30)]);
  expect(radio.status().switches).toBeGreaterThan(6);
  const turn = { sliceMs: 30, share: 0.5 };
  expect(radio.status().schedule).toMatchObject([
    { freq: HOME.freq, ...turn, addresses: [a.address] },
    { freq: WORK.freq, ...turn, addresses: [b.address] },
  ]);
});

it('loses nothing while less waits than queues hold, in bursts of either direction', () => {
  const { house, radio, a, b } = twoChannels();
  let number = 0;
  for (let burst = 0; burst < 40; burst++) {
    for (let i = 0; i < 25; i++) {
      number++;
      a.data(number, 1_000);
      b.data(number, 1_000);
      house.deliver('home', a, number, 1_000);
      house.deliver('work', b, number, 1_000);
    }
    house.clock.turn(83);
  }
  house.clock.turn(500);
  expect(house.wired.get('home')).toEqual(numbers(number));
  expect(house.wired.get('work')).toEqual(numbers(number));
  expect(a.numbers).toEqual(numbers(number));
  expect(b.numbers).toEqual(numbers(number));
  expect(radio.stations().map(({ drops }) => drops)).toEqual([{}, {}]);
  expect(radio.status().unannounced).toBe(0);
  expect(a.statuses).toHaveLength(a.sent);
});

it('tells the access point before it leaves and when it is back, with sequence numbers of its own', () => {
  const { house, radio, a } = twoChannels();
  const sent: Sniffed[] = [];
  house.air.tap(sniffed => sent.push(sniffed), radio.id);
  house.clock.turn(600);
  const nulls = sent
    .filter(({ freq, from }) => freq === HOME.freq && from === radio.id)
    .map(({ frame, acked }) => ({ acked, view: Ieee80211Frame.read(frame) }));
  expect(nulls.length).toBeGreaterThan(8);
  for (const { view, acked } of nulls) {
    expect(view.isNull && acked && view.transmitter === a.address).toBe(true);
    expect(view.sequence).toBeGreaterThan(2_000);
  }
  nulls.forEach(({ view }, i) => {
    if (i > 0) expect(view.powerManagement).not.toBe(nulls[i - 1]!.view.powerManagement);
  });
  // Between them the access point thinks what it was told.
  const asleep = house.seenBy('home', a)!.powerSave;
  expect(asleep).toBe(nulls.at(-1)!.view.powerManagement);
});

it('leaves the power state of a guest that sleeps to the guest', () => {
  const { house, radio, a } = twoChannels();
  a.sleep(true);
  house.clock.turn(100);
  expect(house.seenBy('home', a)).toMatchObject({ powerSave: true });
  const sent: Sniffed[] = [];
  house.air.tap(sniffed => sent.push(sniffed), radio.id);
  house.deliver('home', a, 1);
  house.clock.turn(500);
  // Nobody wakes it, so that nothing arrives.
  expect(sent.filter(({ freq, from }) => freq === HOME.freq && from === radio.id)).toEqual([]);
  expect(a.numbers).toEqual([]);
  expect(radio.stations()[0]).toMatchObject({ powerSave: true });
  expect(radio.status().sleeps).toBe(false);
  a.sleep(false);
  house.clock.turn(100);
  expect(a.numbers).toEqual([1]);
});

it('tells beacons of the absent channel again, at their pace, until the access point is gone', () => {
  const { house, radio, a, b } = twoChannels();
  for (const guest of [a, b]) guest.received.length = 0;
  house.clock.turn(10_240);
  for (const [guest, cell] of [
    [a, HOME],
    [b, WORK],
  ] as const) {
    const beacons = guest.beacons(cell.bssid);
    expect(beacons.length).toBeGreaterThan(90);
    expect(beacons.length).toBeLessThan(125);
    // The timestamp goes on.
    const stamps = beacons.map(({ view }) =>
      new DataView(view.bytes.buffer, view.bytes.byteOffset).getBigUint64(24, true),
    );
    expect(stamps).toEqual([...stamps].sort((x, y) => Number(x - y)));
  }
  expect(radio.status().replayedBeacons).toBeGreaterThan(20);
  house.air.setSnr('ap/home', radio.id, -50);
  house.clock.turn(300);
  a.received.length = 0;
  house.clock.turn(3_000);
  expect(a.beacons(HOME.bssid)).toEqual([]);
});

it('shares the time by those who are active, and gives up a quiet channel when frames wait elsewhere', () => {
  const house = new House();
  const radio = house.radio();
  const [idle, busy] = [house.member(radio, HOME), house.member(radio, WORK)];
  const onWork = { time: 0 };
  for (let i = 0; i < 2_000; i++) {
    while (busy.sent - busy.statuses.length < 60) busy.data(busy.sent, 1_400);
    house.clock.turn(1);
    if (radio.status().tuned[0] === WORK.freq) onWork.time++;
  }
  expect(onWork.time).toBeGreaterThan(1_200);
  expect(house.seenBy('home', idle)).toMatchObject({ state: 'authorized' });
});

it('needs no turns with a channel for each', () => {
  const house = new House();
  const radio = house.radio('alpha/radio0', { channels: 2 });
  const [a, b] = [house.member(radio, HOME), house.member(radio, WORK)];
  house.clock.turn(200);
  const { switches, tuned } = radio.status();
  expect([...tuned].sort()).toEqual([HOME.freq, WORK.freq]);
  for (const number of numbers(50)) {
    a.data(number);
    b.data(number);
    house.clock.turn(5);
  }
  expect([house.wired.get('home'), house.wired.get('work')]).toEqual([numbers(50), numbers(50)]);
  expect(radio.status()).toMatchObject({ switches, replayedBeacons: 0 });
});

it('answers each frame once, and goes where frames are left to be sent when a guest has moved on', () => {
  const { house, radio, a } = twoChannels();
  for (const number of numbers(10)) a.data(number);
  a.join(WORK.bssid, WORK.ssid, WORK.freq);
  house.clock.turn(500);
  expect(a.associated).toBe(true);
  expect(a.statuses).toHaveLength(a.sent);
  expect(radio.status().schedule.map(({ freq }) => freq)).toEqual([WORK.freq]);
});

it('drops above its bound, and answers', () => {
  const { house, radio, a } = twoChannels();
  for (let i = 0; i < 500; i++) a.data(i, 1_400);
  house.clock.turn(2_000);
  const overflow = radio.stations()[0]?.drops.overflow ?? 0;
  expect(overflow).toBeGreaterThan(250);
  expect(a.statuses).toHaveLength(a.sent);
  expect(house.wired.get('home')!.length).toBe(500 - overflow);
});

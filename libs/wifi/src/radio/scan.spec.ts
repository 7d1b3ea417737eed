import { parseMac } from '@v3vee/wire';
import { HOME, House, numbers, WORK } from './testing/house';

it('goes where probe requests ask for, and brings the answers', () => {
  const house = new House();
  const radio = house.radio();
  const guest = house.guest(radio);
  guest.use('addMac');
  for (const { freq } of [HOME, WORK]) {
    guest.probe(freq);
    house.clock.turn(30);
  }
  guest.use('delMac');
  const found = guest.received
    .filter(({ view }) => view.isProbeResponse)
    .map(({ freq, signal }) => [freq, signal]);
  expect(found).toEqual([
    [HOME.freq, -41],
    [WORK.freq, -41],
  ]);
  expect(radio.bss().map(({ ssid }) => ssid)).toEqual(expect.arrayContaining(['home', 'work']));
  expect(guest.statuses).toHaveLength(2);
});

it('comes back to the channel in use, and loses nothing of it', () => {
  const house = new House();
  const radio = house.radio();
  const [worker, scanner] = [house.member(radio), house.guest(radio)];
  scanner.use('addMac');
  for (const number of numbers(60)) {
    worker.data(number);
    house.deliver('home', worker, number);
    if (number % 3 === 0) scanner.probe(WORK.freq, `any ${number}`);
    house.clock.turn(12);
  }
  scanner.use('delMac');
  house.clock.turn(500);
  expect(house.wired.get('home')).toEqual(numbers(60));
  expect(worker.numbers).toEqual(numbers(60));
  expect(radio.status().tuned).toEqual([HOME.freq]);
  expect(scanner.statuses).toHaveLength(scanner.sent);
});

it('merges the scans of several VMs: one visit, results for all', () => {
  const house = new House();
  const radio = house.radio();
  const [worker, a, b] = [house.member(radio), house.guest(radio), house.guest(radio)];
  house.clock.turn(1_000);
  const before = house.air.transmitters(radio.id).get(b.address);
  for (const guest of [a, b]) {
    guest.use('addMac');
    guest.received.length = 0;
  }
  a.probe(WORK.freq);
  const merged = b.probe(WORK.freq);
  house.clock.turn(40);
  for (const guest of [a, b]) {
    const responses = guest.received.filter(({ view }) => view.isProbeResponse);
    expect(responses).toHaveLength(1);
    // To itself, or its driver would not take it.
    expect(responses[0]!.view.receiver).toBe(guest.address);
  }
  expect(radio.status().mergedProbes).toBe(1);
  expect(b.status(merged)).toMatchObject({ rates: [{ index: 0, count: 1 }] });
  expect(house.air.transmitters(radio.id).get(b.address)).toEqual(before);
  // Later, but soon enough: from the table.
  house.clock.turn(100);
  b.received.length = 0;
  b.probe(WORK.freq);
  expect(b.received.filter(({ view }) => view.isProbeResponse)).toHaveLength(1);
  expect(worker.received.filter(({ view }) => view.isProbeResponse)).toEqual([]);
});

it('serves a passive scan with beacons of all channels', () => {
  const house = new House();
  const radio = house.radio();
  const guest = house.guest(radio);
  // Up, and nobody wants anything: the radio looks around.
  house.clock.turn(6_000);
  expect(radio.bss()).toHaveLength(2);
  expect(guest.sent).toBe(0);
  guest.use('addMac');
  guest.received.length = 0;
  house.clock.turn(111);
  for (const { bssid } of [HOME, WORK]) expect(guest.beacons(bssid).length).toBeGreaterThanOrEqual(1);
  guest.use('delMac');
  guest.received.length = 0;
  house.clock.turn(50);
  expect(guest.beacons(HOME.bssid).length + guest.beacons(WORK.bssid).length).toBeLessThanOrEqual(1);
});

it('looks around for a scan while another VM works', () => {
  const house = new House();
  const radio = house.radio();
  const [worker, scanner] = [house.member(radio), house.guest(radio)];
  house.clock.turn(20_000);
  scanner.use('addMac');
  scanner.received.length = 0;
  let number = 0;
  for (let i = 0; i < 1_500; i++) {
    worker.data(++number);
    house.clock.turn(10);
  }
  expect(scanner.beacons(WORK.bssid).length).toBeGreaterThan(20);
  scanner.use('delMac');
  house.clock.turn(500);
  expect(house.wired.get('home')).toEqual(numbers(number));
});

it('forgets access points that a whole survey did not hear', () => {
  const house = new House();
  const radio = house.radio();
  house.guest(radio);
  house.clock.turn(6_000);
  expect(radio.bss()).toHaveLength(2);
  house.aps.get('work')!.stop();
  house.clock.turn(21_000);
  expect(radio.bss().map(({ ssid }) => ssid)).toEqual(['home']);
});

it('lets a random address send probe requests, and nothing else', () => {
  const house = new House();
  const radio = house.radio();
  const guest = house.guest(radio);
  const random = parseMac('0e:12:34:56:78:9a');
  guest.use('addMac', random);
  guest.probe(HOME.freq, '', random);
  house.clock.turn(40);
  expect(guest.received.filter(({ view }) => view.isProbeResponse).map(({ view }) => view.receiver)).toEqual([
    '0e:12:34:56:78:9a',
  ]);
  Object.assign(guest, { mac: random, bssid: HOME.bssid, freq: HOME.freq });
  const refused = guest.data(1);
  house.clock.turn(20);
  expect(guest.status(refused)).toMatchObject({ acked: false });
  expect(house.wired.get('home')).toEqual([]);
  expect(radio.stations()[1]).toMatchObject({ state: 'scanning', drops: { notAllowed: 1 } });
  guest.use('delMac', random);
  expect(radio.stations()).toHaveLength(1);
  for (const number of numbers(9)) guest.use('addMac', parseMac(`0e:00:00:00:00:0${number}`));
  expect(radio.stations()).toHaveLength(5);
  expect(radio.vms()).toMatchObject([{ drops: { refused: 5 } }]);
});

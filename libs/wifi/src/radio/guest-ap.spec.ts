import { channelFrequency } from '@v3vee/wire';
import { HostAp } from './testing/host-ap';
import { HOME, House, numbers } from './testing/house';

const CHANNEL_11 = channelFrequency(11);

it('serves a VM of the same radio: the radio hands over what it does not hear itself', () => {
  const house = new House([]);
  const radio = house.radio();
  const [host, client] = [house.guest(radio), house.guest(radio)];
  const ap = new HostAp(host, 'guest', CHANNEL_11, house.clock);
  client.probe(CHANNEL_11);
  house.clock.turn(30);
  expect(client.received.filter(({ view }) => view.isProbeResponse)).toHaveLength(1);
  const { bssid, ssid, freq } = ap.cell;
  client.join(bssid, ssid, freq);
  house.clock.turn(100);
  expect(client.associated).toBe(true);
  const before = house.air.account(radio.id)!.airtime;
  for (const number of numbers(10)) {
    client.data(number);
    ap.send(client.address, number);
  }
  const group = ap.send('ff:ff:ff:ff:ff:ff', 11);
  house.clock.turn(100);
  expect(ap.uplink).toHaveLength(10);
  expect(client.numbers).toEqual(numbers(11));
  expect(host.status(group)).toMatchObject({ acked: false });
  expect(house.air.account(radio.id)!.airtime - before).toBeGreaterThan(20 * 100);
  expect(radio.stations()).toMatchObject([
    { state: 'ap', ssid: 'guest', bssid: host.address, freq: CHANNEL_11 },
    { state: 'associated', ssid: 'guest', bssid: host.address },
  ]);
  expect(radio.bss()).toMatchObject([{ ssid: 'guest', channel: 11 }]);
});

it('serves a VM of another radio', () => {
  const house = new House([]);
  const host = house.guest(house.radio());
  const ap = new HostAp(host, 'guest', CHANNEL_11, house.clock);
  const client = house.member(house.radio('beta/radio0'), ap.cell);
  house.clock.turn(1_000);
  expect(client.beacons(host.address).length).toBeGreaterThan(8);
  client.data(1);
  ap.send(client.address, 2);
  house.clock.turn(50);
  expect(ap.uplink).toHaveLength(1);
  expect(client.numbers).toEqual([2]);
});

it('keeps the radio at its channel for most of the time', () => {
  const house = new House();
  const radio = house.radio();
  const [host, client] = [house.guest(radio), house.member(radio, HOME)];
  const ap = new HostAp(host, 'guest', CHANNEL_11, house.clock);
  let there = 0;
  for (let i = 0; i < 3_000; i++) {
    house.clock.turn(1);
    if (i % 10 === 0) client.data(i / 10 + 1);
    if (radio.status().tuned[0] === CHANNEL_11) there++;
  }
  house.clock.turn(200);
  expect(there / 3_000).toBeGreaterThan(0.6);
  expect(house.wired.get('home')).toEqual(numbers(300));
  const [station] = radio.stations();
  // Its beacons are missed while the radio is away, and each is answered.
  expect(station!.drops.away).toBeGreaterThan(0);
  expect(host.statuses).toHaveLength(host.sent);
  expect(ap.stations.size).toBe(0);
});

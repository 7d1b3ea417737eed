import { decodeToGuest, encodeTransmitted, managementSubtypes, parseMac } from '@v3vee/wire';
import { DedicatedRadio } from './dedicated-radio';
import type { Radio } from './radio';
import { Guest } from './testing/guest';
import { HOME, House, numbers, WORK } from './testing/house';

function alone(house = new House()) {
  const radio = new DedicatedRadio({ id: 'alpha/radio0', txPower: 20, air: house.air });
  house.air.join(radio);
  const guest = new Guest(radio as unknown as Radio, 'vm-1', '02:00:00:00:00:99').up();
  return { house, radio, guest };
}
function member(house = new House()) {
  const parts = alone(house);
  parts.guest.join(HOME.bssid, HOME.ssid, HOME.freq);
  parts.house.clock.turn(500);
  expect(parts.guest.associated).toBe(true);
  return parts;
}

describe('a dedicated radio', () => {
  it('carries what its guest sends and hears, and counts it', () => {
    const { house, radio, guest } = member();
    for (const number of numbers(20)) guest.data(number);
    for (const number of numbers(20)) house.deliver('home', guest, number);
    house.clock.turn(100);
    expect(house.wired.get('home')).toEqual(numbers(20));
    expect(guest.numbers).toEqual(numbers(20));
    expect(guest.statuses).toHaveLength(guest.sent);
    const [station] = radio.stations();
    expect(station).toMatchObject({ vmId: 'vm-1', address: guest.address, state: 'idle', txFailed: 0 });
    expect(station).toMatchObject({ txFrames: guest.sent, rxFrames: guest.received.length });
    expect(station!.airtime).toBeCloseTo(house.air.account(radio.id)!.airtime);
  });

  it('tells its guest the beacons of all channels, once each', () => {
    const { house, guest } = alone();
    house.clock.turn(1_050);
    expect(guest.beacons(HOME.bssid)).toHaveLength(10);
    expect(guest.beacons(WORK.bssid)).toHaveLength(10);
  });

  it('acknowledges an address for as long as its guest uses it', () => {
    const { radio, guest } = alone();
    guest.use('addMac');
    guest.use('delMac');
    expect(radio.acknowledges(guest.address)).toBe(true);
    guest.use('delMac');
    expect(radio.acknowledges(guest.address)).toBe(false);
  });

  it('tells a monitor what is for others', () => {
    const { house, radio, guest } = alone();
    house.member(house.radio('beta/radio0'));
    const unicast = () => guest.received.filter(({ view }) => !view.isGroupAddressed);
    expect(unicast()).toHaveLength(0);
    guest.use('addMac', new Uint8Array(6));
    expect(radio.promiscuous).toBe(true);
    house.deliver('home', house.member(house.radio('gamma/radio0')), 1);
    house.clock.turn(100);
    expect(unicast().length).toBeGreaterThan(0);
  });

  it('is one VM’s', () => {
    const { radio } = alone();
    const other = { vmId: 'vm-2', epoch: 1, addresses: [] };
    expect(() => radio.addVm(other, () => undefined)).toThrow(
      expect.objectContaining({ code: 'DEVICE_IN_USE' }),
    );
    radio.removeVm('vm-2');
    radio.removeVm('vm-1');
    radio.addVm(other, () => undefined);
    expect(radio.vms()).toMatchObject([{ vmId: 'vm-2', epoch: 1 }]);
  });

  it('gives its guest to a shared radio and gets it back, the association goes on', () => {
    const { house, radio, guest } = member();
    const context = radio.detachVm('vm-1');
    house.air.leave(radio);
    const shared = (guest.radio = house.radio('alpha/radio0'));
    guest.attach(context);
    guest.data(1);
    house.clock.turn(100);
    expect(shared.stations()).toMatchObject([{ state: 'associated', bssid: HOME.bssid }]);

    const back = shared.detachVm('vm-1');
    house.clock.turn(100);
    shared.stop();
    house.air.leave(shared);
    house.air.join(radio);
    guest.radio = radio as unknown as Radio;
    guest.attach(back);
    expect(radio.acknowledges(guest.address)).toBe(true);
    guest.data(2);
    house.deliver('home', guest, 3);
    house.clock.turn(200);
    expect(house.wired.get('home')).toEqual([1, 2]);
    expect(guest.numbers).toEqual([3]);
    // As often as it was begun, it is ended.
    guest.use('delMac');
    expect(radio.acknowledges(guest.address)).toBe(false);
  });

  it('answers each frame, also those that cannot be sent, and counts what is none', () => {
    const { house, radio, guest } = alone();
    const sent = [
      guest.manage(managementSubtypes.ACTION, new Uint8Array(2), HOME.bssid, 1234),
      guest.send(new Uint8Array(5), { freq: HOME.freq }),
      guest.send(new Uint8Array(3_000), { freq: HOME.freq }),
    ];
    house.clock.turn(100);
    for (const cookie of sent) expect(guest.status(cookie)).toMatchObject({ acked: false });
    guest.message(Uint8Array.of(1, 2, 3));
    for (let i = 0; i < 20; i++) guest.use('addMac', Uint8Array.of(2, 0, 0, 0, 1, i));
    expect(radio.vms()).toMatchObject([{ drops: { malformed: 1, refused: 5 } }]);
    radio.fromVm('vm-1', 7, new Uint8Array(20));
    radio.fromVm('vm-9', 1, new Uint8Array(20));
    expect(radio.status().stale).toBe(2);
  });

  it('answers at last when it is unplugged with frames under way', () => {
    const { house, radio, guest } = member();
    const answers: unknown[] = [];
    radio.addVm({ vmId: 'vm-1', epoch: 1, addresses: [] }, bytes => answers.push(decodeToGuest(bytes)));
    for (let cookie = 1n; cookie <= 50n; cookie++) {
      const fields = { radio: parseMac('42:00:00:00:00:00'), flags: 1, cookie, freq: HOME.freq };
      const frame = new Uint8Array(1_000).fill(8, 0, 1).fill(2, 4, 16);
      radio.fromVm('vm-1', 1, encodeTransmitted({ ...fields, frame, rates: [{ index: 0, count: 1 }] }));
    }
    radio.detachVm('vm-1');
    house.air.leave(radio);
    house.clock.turn(1_000);
    expect(answers.filter(each => (each as { kind: string }).kind === 'txStatus')).toHaveLength(50);
    expect(guest.associated).toBe(true);
  });
});

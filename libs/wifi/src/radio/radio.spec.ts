import { encodeReason, managementSubtypes, parseMac } from '@v3vee/wire';
import { HOME, House, numbers } from './testing/house';

describe('one VM', () => {
  it('associates and exchanges data with an access point', () => {
    const house = new House();
    const radio = house.radio();
    const guest = house.member(radio);
    expect(radio.stations()).toMatchObject([
      {
        vmId: 'vm-1',
        address: guest.address,
        state: 'associated',
        bssid: HOME.bssid,
        ssid: 'home',
        freq: 5180,
        aid: 1,
      },
    ]);
    for (const number of numbers(20)) guest.data(number);
    for (const number of numbers(20)) house.deliver('home', guest, number);
    house.clock.turn(50);
    expect(house.wired.get('home')).toEqual(numbers(20));
    expect(guest.numbers).toEqual(numbers(20));
    const [station] = radio.stations();
    expect(station).toMatchObject({ txRate: 540, txFailed: 0, queued: 0, drops: {} });
    expect(station!.txFrames).toBeGreaterThanOrEqual(22);
    expect(station!.rxFrames).toBeGreaterThanOrEqual(22);
    expect(station!.airtime).toBeGreaterThan(20 * 100);
  });

  it('gets one answer for each frame, with the rates that were used', () => {
    const house = new House();
    const guest = house.member(house.radio());
    const lost = guest.manage(managementSubtypes.ACTION, new Uint8Array(2), '02:00:00:00:99:99');
    const cookie = guest.data(1);
    house.clock.turn(100);
    expect(guest.statuses).toHaveLength(guest.sent);
    expect(guest.status(cookie)).toMatchObject({ acked: true, rates: [{ index: 7, count: 1 }], signal: -41 });
    expect(guest.status(lost)).toMatchObject({ acked: false, rates: [{ index: 7, count: 4 }] });
  });

  it('stays on its one channel without a word', () => {
    const house = new House();
    const radio = house.radio();
    house.member(radio);
    const { switches } = radio.status();
    const sent = house.air.account(radio.id)!.frames;
    house.clock.turn(5_000);
    expect(radio.status()).toMatchObject({ tuned: [5180], switches, replayedBeacons: 0 });
    expect(radio.status().schedule).toMatchObject([{ freq: 5180, sliceMs: 0, share: 1 }]);
    expect(house.air.account(radio.id)!.frames).toBe(sent);
  });

  it('hears the beacons of its BSS', () => {
    const house = new House();
    const radio = house.radio();
    const guest = house.member(radio);
    guest.received.length = 0;
    house.clock.turn(1_050);
    expect(guest.beacons(HOME.bssid)).toHaveLength(10);
    expect(radio.stations()).toMatchObject([{ signal: -41 }]);
    expect(radio.bss()).toMatchObject([{ bssid: HOME.bssid, ssid: 'home', channel: 36, privacy: false }]);
  });

  it('is known again by its frames when the radio was not there before', () => {
    const house = new House();
    const before = house.radio();
    const guest = house.member(before);
    before.stop();
    house.air.leave(before);
    guest.radio = house.radio('alpha/radio1');
    guest.attach();
    guest.data(1);
    house.clock.turn(200);
    expect(house.wired.get('home')).toEqual([1]);
    expect(guest.radio.stations()).toMatchObject([{ state: 'associated', bssid: HOME.bssid }]);
    // A scan of it does not end it.
    guest.use('addMac');
    guest.use('delMac');
    house.deliver('home', guest, 7);
    house.clock.turn(10);
    expect(guest.numbers).toEqual([7]);
  });

  it('leaves its access point when it is removed', () => {
    const house = new House();
    const radio = house.radio();
    const guest = house.member(radio);
    radio.removeVm(guest.vmId);
    house.clock.turn(10);
    expect(house.seenBy('home', guest)).toBeUndefined();
    expect(radio.acknowledges(guest.address)).toBe(false);
    expect(radio.status().tuned).toEqual([]);
    guest.data(1);
    expect(radio.status().stale).toBe(1);
  });
});

describe('two VMs of one radio', () => {
  it('reach one another through the access point, and group frames reach both', () => {
    const house = new House();
    const radio = house.radio();
    const [a, b] = [house.member(radio), house.member(radio)];
    a.data(1, 100, b.mac);
    house.clock.turn(20);
    expect(b.numbers).toEqual([1]);
    a.data(2, 100, new Uint8Array(6).fill(0xff));
    house.clock.turn(300);
    expect(b.numbers).toEqual([1, 2]);
  });

  it('do not hear what is for the other', () => {
    const house = new House();
    const radio = house.radio();
    const [a, b] = [house.member(radio), house.member(radio)];
    house.deliver('home', a, 5);
    house.clock.turn(20);
    expect([a.numbers, b.numbers]).toEqual([[5], []]);
  });

  it('share the air in equal parts, whatever rates and lengths they send with', () => {
    const house = new House();
    const radio = house.radio();
    const [slow, fast] = [house.member(radio), house.member(radio)];
    const before = radio.stations().map(({ airtime }) => airtime);
    const send = () => {
      for (const guest of [slow, fast]) {
        while (guest.sent - guest.statuses.length < 100) guest.data(guest.sent, 1_400);
      }
    };
    slow.send = (
      (send: typeof slow.send) => (frame: Uint8Array) =>
        send.call(slow, frame, { rates: [{ index: 0, count: 4 }] })
    )(slow.send);
    for (let i = 0; i < 300; i++) {
      send();
      house.clock.turn(10);
    }
    const [first, second] = radio.stations().map(({ airtime }, i) => airtime - before[i]!) as [
      number,
      number,
    ];
    expect(Math.abs(first - second) / (first + second)).toBeLessThan(0.05);
    // All of three seconds but what the access point took.
    expect(first + second).toBeGreaterThan(2.7e6);
    const [few, many] = radio.stations().map(({ txFrames }) => txFrames) as [number, number];
    expect(many).toBeGreaterThan(3 * few);
  });

  it('and four are as fast together as one alone, in equal parts', () => {
    const rates = (count: number) => {
      const house = new House();
      const radio = house.radio();
      const guests = Array.from({ length: count }, () => house.member(radio));
      const before = radio.stations().map(({ txBytes }) => txBytes);
      for (let i = 0; i < 100; i++) {
        for (const guest of guests) while (guest.sent - guest.statuses.length < 40) guest.data(i, 1_400);
        house.clock.turn(10);
      }
      return radio.stations().map(({ txBytes }, i) => txBytes - before[i]!);
    };
    const [alone] = rates(1) as [number];
    const four = rates(4);
    const sum = four.reduce((a, b) => a + b);
    expect(sum / alone).toBeGreaterThan(0.95);
    for (const bytes of four) expect(Math.abs(bytes / (sum / 4) - 1)).toBeLessThan(0.05);
  });

  it('are told apart by their accounts', () => {
    const house = new House();
    const radio = house.radio();
    const [a, b] = [house.member(radio), house.member(radio)];
    const before = radio.stations();
    for (const number of numbers(10)) a.data(number, 1_000);
    house.clock.turn(50);
    const after = radio.stations();
    expect(after[0]!.txFrames - before[0]!.txFrames).toBe(10);
    expect(after[1]!.txFrames).toBe(before[1]!.txFrames);
    expect(house.air.transmitters(radio.id).get(a.address)!.airtime).toBe(after[0]!.airtime);
    expect(house.air.transmitters(radio.id).get(b.address)!.airtime).toBe(after[1]!.airtime);
  });
});

describe('what a VM must not do', () => {
  it("sends with another's address", () => {
    const house = new House();
    const radio = house.radio();
    const [victim, thief] = [house.member(radio), house.guest(radio)];
    const own = thief.mac;
    Object.assign(thief, { freq: HOME.freq, bssid: HOME.bssid, mac: victim.mac });
    const cookie = thief.manage(managementSubtypes.DEAUTHENTICATION, encodeReason(3));
    const unknown = Object.assign(thief, { mac: parseMac('02:00:00:00:77:77') }).data(9);
    house.clock.turn(50);
    expect(house.seenBy('home', victim)).toMatchObject({ state: 'authorized' });
    expect(house.wired.get('home')).toEqual([]);
    expect(radio.vms()[1]).toMatchObject({ vmId: thief.vmId, drops: { spoofed: 2 } });
    // Its driver must not wait for ever.
    for (const sent of [cookie, unknown]) {
      expect(thief.status(sent)).toMatchObject({ acked: false, rates: [{ index: 7, count: 1 }] });
    }
    expect(Object.assign(thief, { mac: own }).status(0n)).toBeUndefined();
  });

  it("claims another's vMAC", () => {
    const house = new House();
    const radio = house.radio();
    const [victim, thief] = [house.member(radio), house.guest(radio)];
    thief.use('addMac', victim.mac);
    thief.use('delMac', victim.mac);
    house.deliver('home', victim, 3);
    house.clock.turn(20);
    expect([victim.numbers, thief.numbers]).toEqual([[3], []]);
    expect(radio.vms()[1]).toMatchObject({ drops: { refused: 1 } });
    const attachment = { vmId: 'vm-9', epoch: 1, addresses: [victim.address] };
    expect(() => radio.addVm(attachment, () => undefined)).toThrow('belongs to another VM at alpha/radio0');
  });

  it('sends rubbish, to channels that are none, in an epoch that is over', () => {
    const house = new House();
    const radio = house.radio();
    const guest = house.member(radio);
    guest.message(new Uint8Array(3));
    guest.message(new Uint8Array(64).fill(0xff));
    const short = guest.send(new Uint8Array(7), { freq: HOME.freq });
    const absurd = [0, 2413, 5181, 0xffffffff].map(freq => guest.send(new Uint8Array(24).fill(8), { freq }));
    const frame = new Uint8Array(24);
    frame.set([0xd0, 0, 0, 0, ...parseMac(HOME.bssid), ...guest.mac, ...parseMac(HOME.bssid)]);
    const channels = [0, 2413, 5181, 0xffffffff].map(freq => guest.send(frame, { freq }));
    const long = guest.send(Uint8Array.from([...frame, ...new Uint8Array(2_400)]));
    house.clock.turn(100);
    for (const cookie of [short, ...absurd, ...channels, long]) {
      expect(guest.status(cookie)).toMatchObject({ acked: false });
    }
    expect(radio.vms()).toMatchObject([{ drops: { malformed: 2, malformedFrame: 1, spoofed: 4 } }]);
    expect(radio.stations()).toMatchObject([{ drops: { badChannel: 4, tooLong: 1 } }]);
    guest.epoch = 0;
    guest.data(1);
    guest.epoch = 2;
    guest.data(2);
    house.clock.turn(20);
    expect(radio.status().stale).toBe(2);
    expect(house.wired.get('home')).toEqual([]);
  });

  it('floods with deauthentications: others keep most of the air', () => {
    const house = new House();
    const radio = house.radio();
    const [victim, flooder] = [house.member(radio), house.guest(radio)];
    flooder.freq = HOME.freq;
    let number = 0;
    for (let i = 0; i < 50; i++) {
      for (let j = 0; j < 150; j++) {
        flooder.manage(
          managementSubtypes.DEAUTHENTICATION,
          encodeReason(3),
          j % 2 ? HOME.bssid : victim.address,
        );
      }
      for (let j = 0; j < 5; j++) victim.data(++number, 1_000);
      house.clock.turn(10);
    }
    house.clock.turn(100);
    expect(house.wired.get('home')).toEqual(numbers(number));
    expect(house.seenBy('home', victim)).toMatchObject({ state: 'authorized' });
    expect(radio.stations()[0]).toMatchObject({ state: 'associated', drops: {} });
    expect(radio.stations()[1]!.drops.overflow).toBeGreaterThan(0);
    expect(flooder.statuses).toHaveLength(flooder.sent);
  });
});

describe('a VM that monitors', () => {
  it('gets all frames of the channel, from the air and from its neighbours', () => {
    const house = new House();
    const radio = house.radio();
    const [member, monitor] = [house.member(radio), house.guest(radio)];
    radio.setMonitor(monitor.vmId, true);
    const other = house.member(house.radio('beta/radio0'));
    monitor.received.length = 0;
    member.data(1, 100, other.mac);
    house.clock.turn(20);
    const seen = monitor.received
      .filter(({ view }) => view.isData)
      .map(({ view }) => [view.transmitter, view.receiver]);
    expect(seen).toEqual([
      [member.address, HOME.bssid],
      [HOME.bssid, other.address],
    ]);
    radio.setMonitor(monitor.vmId, false);
    monitor.received.length = 0;
    member.data(2, 100, other.mac);
    house.clock.turn(20);
    expect(monitor.received.filter(({ view }) => view.isData)).toEqual([]);
  });

  it('is one as well when its only interface has no address', () => {
    const house = new House();
    const radio = house.radio();
    const [member, monitor] = [house.member(radio), house.guest(radio)];
    monitor.use('delMac');
    monitor.use('addMac', new Uint8Array(6));
    member.data(1);
    house.clock.turn(20);
    expect(monitor.numbers).toEqual([1]);
    // Alone, it sees what the radio sees when nobody wants anything.
    radio.removeVm(member.vmId);
    monitor.received.length = 0;
    house.clock.turn(6_000);
    expect(monitor.beacons(HOME.bssid).length).toBeGreaterThan(0);
    monitor.use('delMac', new Uint8Array(6));
    expect(radio.status().tuned).toEqual([]);
  });
});

import { readRadioContext } from './context';
import { HOME, House, numbers } from './testing/house';

it('takes an association to another radio, and frames of both directions with it', () => {
  const house = new House();
  const [here, there] = [house.radio('alpha/radio0'), house.radio('beta/radio0')];
  const guest = house.member(here);
  guest.data(1, 1_400);
  for (const number of numbers(40, 2)) guest.data(number, 1_400);
  const context = here.detachVm(guest.vmId);
  expect(context.stations).toMatchObject([
    {
      address: guest.address,
      state: 'associated',
      bssid: HOME.bssid,
      freq: HOME.freq,
      aid: 1,
      away: true,
      sleeps: false,
    },
  ]);
  expect(context.frames.length).toBeGreaterThan(20);
  house.clock.turn(50);
  // It buffers while the VM is on its way.
  expect(house.seenBy('home', guest)).toMatchObject({ state: 'authorized', powerSave: true });
  for (const number of numbers(30)) house.deliver('home', guest, number);
  house.clock.turn(300);
  Object.assign(guest, { radio: there, epoch: 2 });
  guest.attach(readRadioContext(JSON.parse(JSON.stringify(context))));
  house.clock.turn(200);
  expect(house.seenBy('home', guest)).toMatchObject({ state: 'authorized', powerSave: false });
  expect(house.wired.get('home')).toEqual(numbers(41));
  expect(guest.numbers).toEqual(numbers(30));
  expect(guest.statuses).toHaveLength(guest.sent);
  expect(there.stations()).toMatchObject([{ state: 'associated', ssid: 'home', aid: 1 }]);
  expect(here.stations()).toEqual([]);
  guest.data(42);
  house.clock.turn(20);
  expect(house.wired.get('home')).toEqual(numbers(42));
});

it('goes on at the old radio when the migration is called off', () => {
  const house = new House();
  const radio = house.radio();
  const [guest, other] = [house.member(radio), house.member(radio)];
  const context = radio.detachVm(guest.vmId);
  house.deliver('home', guest, 1);
  house.clock.turn(100);
  guest.attach(context);
  house.clock.turn(100);
  expect(guest.numbers).toEqual([1]);
  expect(house.seenBy('home', guest)).toMatchObject({ powerSave: false });
  other.data(5);
  house.clock.turn(10);
  expect(house.wired.get('home')).toEqual([5]);
});

it('keeps what it knows of a VM that is attached once more', () => {
  const house = new House();
  const radio = house.radio();
  const guest = house.member(radio);
  guest.attach();
  house.deliver('home', guest, 1);
  house.clock.turn(100);
  expect(guest.numbers).toEqual([1]);
  expect(radio.stations()).toMatchObject([{ state: 'associated', aid: 1 }]);
  guest.epoch = 2;
  guest.attach();
  expect(radio.stations()).toEqual([]);
});

it('writes down what a saved state needs while the VM goes on', () => {
  const house = new House();
  const radio = house.radio();
  const guest = house.member(radio);
  const context = radio.contextOf(guest.vmId);
  expect(readRadioContext(structuredClone(context))).toEqual(context);
  guest.data(1);
  house.clock.turn(20);
  expect(house.wired.get('home')).toEqual([1]);
  expect(() => radio.contextOf('vm-9')).toThrow('"vm-9" is not at alpha/radio0');
  expect(() => radio.detachVm('vm-9')).toThrow('"vm-9" is not at alpha/radio0');
});

it('leaves out what the VM does not own', () => {
  const house = new House();
  const radio = house.radio();
  const guest = house.member(radio);
  const context = radio.detachVm(guest.vmId);
  context.stations[0]!.address = '02:00:00:00:77:77';
  guest.attach(context);
  expect(radio.stations()).toEqual([]);
});

it.each([
  ['null', null, 'version 1'],
  ['another version', { version: 2, stations: [], frames: [] }, 'version 1'],
  ['no list', { version: 1, stations: {}, frames: [] }, 'stations is no list'],
  [
    'a station without address',
    { version: 1, stations: [{}], frames: [] },
    'stations[0].address is no MAC address',
  ],
  [
    'a frame that is none',
    {
      version: 1,
      stations: [],
      frames: [
        {
          radio: '42:00:00:00:00:00',
          address: '02:00:00:00:00:01',
          flags: 1,
          cookie: '1',
          freq: 5180,
          rates: [],
          frame: 'AAAA',
        },
      ],
    },
    'frames[0].frame is no 802.11 frame',
  ],
])('says what is wrong with a context: %s', (_, context, problem) => {
  expect(() => readRadioContext(context)).toThrow(problem);
});

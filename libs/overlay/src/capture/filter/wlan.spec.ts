import {
  dataSubtypes,
  frameControl,
  frameTypes,
  Ieee80211Frame,
  ieee80211Frame,
  llcSnap,
  managementSubtypes,
  nullToAp,
  parseMac,
  psPoll,
} from '@v3vee/wire';
import { compileWlanFilter } from './index';

const [AP, STATION, WIRED] = ['02:00:00:00:aa:01', '02:56:4d:00:00:01', '02:00:00:00:00:0b'].map(parseMac);
const ALL = parseMac('ff:ff:ff:ff:ff:ff');

const management = (subtype: number, addr1: Uint8Array, addr2: Uint8Array) =>
  ieee80211Frame({ type: frameTypes.MANAGEMENT, subtype, addr1, addr2, addr3: AP! });
const data = (subtype: number, flags: number, ends: Uint8Array[], body?: Uint8Array) => {
  const [addr1, addr2, addr3] = ends as [Uint8Array, Uint8Array, Uint8Array];
  return ieee80211Frame({ type: frameTypes.DATA, subtype, flags, addr1, addr2, addr3 }, body);
};
const { TO_DS, FROM_DS, PROTECTED } = frameControl;
const frames = {
  beacon: management(managementSubtypes.BEACON, ALL, AP!),
  probe: management(managementSubtypes.PROBE_REQUEST, ALL, STATION!),
  auth: management(managementSubtypes.AUTHENTICATION, AP!, STATION!),
  up: data(dataSubtypes.DATA, TO_DS, [AP!, STATION!, WIRED!], llcSnap(0x0800, new Uint8Array(20))),
  down: data(
    dataSubtypes.QOS_DATA,
    FROM_DS | PROTECTED,
    [STATION!, AP!, WIRED!],
    llcSnap(0x0800, new Uint8Array(20)),
  ),
  eapol: data(dataSubtypes.QOS_DATA, FROM_DS, [STATION!, AP!, AP!], llcSnap(0x888e, new Uint8Array(99))),
  sleeps: nullToAp(AP!, STATION!, { sleeps: true }),
  poll: psPoll(1, AP!, STATION!),
};
const names = Object.keys(frames) as (keyof typeof frames)[];

it.each([
  ['', names.join(' ')],
  ['type mgt', 'beacon probe auth'],
  ['wlan type mgt and not subtype beacon', 'probe auth'],
  ['type mgt subtype probe-req', 'probe'],
  ['type ctl', 'poll'],
  ['subtype ps-poll or subtype null', 'sleeps poll'],
  ['type data', 'up down eapol sleeps'],
  ['subtype data', 'up'],
  ['wlan addr1 02:00:00:00:aa:01', 'auth up sleeps poll'],
  ['wlan ra FF:FF:FF:FF:FF:FF', 'beacon probe'],
  ['wlan addr3 02:00:00:00:00:0b', 'up down'],
  ['wlan addr4 02:00:00:00:00:0b', ''],
  ['wlan ta 02:00:00:00:aa:01', 'beacon down eapol'],
  ['wlan src 02:00:00:00:00:0b', 'down'],
  ['wlan dst host 02:00:00:00:00:0b', 'up'],
  ['ether host 02:00:00:00:00:0b', 'up down'],
  ['wlan host 02:56:4d:00:00:01 && (type data || type mgt)', 'probe auth up down eapol sleeps'],
  ['ether proto 0x888e', 'eapol'],
  // What is encrypted says nothing.
  ['wlan proto ip', 'up'],
  ['outbound', 'probe auth up sleeps poll'],
  ['inbound and not type data', 'beacon'],
])('"%s" selects %s', (filter, selected) => {
  const test = compileWlanFilter(filter);
  const outbound = (name: string) => !['beacon', 'down', 'eapol'].includes(name);
  expect(
    names
      .filter(name => test({ frame: Ieee80211Frame.read(frames[name]), outbound: outbound(name) }))
      .join(' '),
  ).toBe(selected);
});

it.each([
  ['tcp port 80', 1, '"tcp" is no word of filters on the air, which are "type mgt|ctl|data"'],
  ['type mgt and', 13, 'the end is no word'],
  ['type wifi', 6, '"wifi" is not mgt, ctl or data'],
  ['type data subtype beacon', 19, '"beacon" is no subtype of data; there are data, null, qos-data, qos'],
  ['subtype bacon', 9, '"bacon" is no subtype; there are assoc-req,'],
  ['wlan addr1 alpha', 12, '"alpha" is no address such as'],
  ['wlan', 5, 'an address is missing before the end'],
  ['ether proto 7', 13, '"7" is no EtherType'],
  ['(type mgt', 10, '")" is missing for the "(" in column 1'],
  ['type mgt beacon', 10, '"beacon" does not belong here'],
  ['type constructor', 6, '"constructor" is not'],
  ['wlan[0] = 8', 5, 'comparisons of single bytes'],
])('"%s" is refused at column %d', (filter, column, detail) => {
  expect(() => compileWlanFilter(filter)).toThrow(
    expect.objectContaining({
      code: 'CAPTURE_FILTER_INVALID',
      message: expect.stringContaining(detail),
      fields: [expect.objectContaining({ path: 'filter', column })],
    }),
  );
});

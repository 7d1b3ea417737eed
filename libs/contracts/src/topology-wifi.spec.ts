import { V3Error } from './errors';
import { parseTopology } from './topology-file';

const refuse = (text: string): V3Error => {
  try {
    parseTopology(text, 'my.yaml');
  } catch (error) {
    return error as V3Error;
  }
  throw new Error('it was accepted');
};

/** Where `^` is; it is taken out before parsing. */
function expectRefusal(marked: string, path: string, message: string): void {
  const before = marked.slice(0, marked.indexOf('^')).split('\n');
  const [line, column] = [before.length, (before.at(-1) as string).length + 1];
  const error = refuse(marked.replace('^', ''));
  expect(error.code).toBe('CLUSTER_FILE_INVALID');
  expect(error.fields).toContainEqual({ path, message: expect.stringContaining(message), line, column });
}

const hosts = `
hosts:
  alpha: { radios: [{ name: radio0, position: [0, 2.5], txPower: 15, channels: 2 }, { name: radio1 }] }
  beta: { radios: [{ name: radio0 }] }
networks: { lan: { subnet: 10.10.0.0/24, dhcp: true }, dmz: }
`;
const secret = 'correct horse';
const home = `{ ssid: home, passphrase: ${secret}, channel: 6, network: lan }`;
const vm = (...nics: string[]) =>
  `vms:\n  x: { host: alpha, image: debian-wifi, wifi: [${nics.join(', ')}] }`;

describe('Wi-Fi in a cluster file', () => {
  it('has radios, access points and stations', () => {
    const {
      hosts: all,
      accessPoints,
      vms,
    } = parseTopology(`${hosts}
accessPoints:
  home: { ssid: "Zuhause ⌂", passphrase: "${secret}", channel: 165, network: lan, position: [3, -4], hidden: true }
  open: { ssid: cafe, channel: 1, network: dmz, txPower: 10.5, beaconInterval: 200 }
${vm(
  `{ radio: radio0, ssid: home, passphrase: "${secret}", mac: "02:00:00:00:00:AA", ip: dhcp }`,
  `{ radio: radio0, ssid: cafe, ip: 10.10.0.9/24 }`,
  `{ radio: radio1 }`,
)}`);
    expect(all.alpha?.radios[0]).toEqual({ name: 'radio0', position: [0, 2.5], txPower: 15, channels: 2 });
    expect(accessPoints).toEqual({
      home: {
        ...{ ssid: 'Zuhause ⌂', passphrase: secret, channel: 165, network: 'lan' },
        ...{ position: [3, -4], hidden: true },
      },
      open: { ssid: 'cafe', channel: 1, network: 'dmz', txPower: 10.5, beaconInterval: 200 },
    });
    expect(vms.x?.wifi).toEqual([
      { radio: 'radio0', ssid: 'home', passphrase: secret, mac: '02:00:00:00:00:aa', ip: 'dhcp' },
      { radio: 'radio0', ssid: 'cafe', ip: '10.10.0.9/24' },
      { radio: 'radio1' },
    ]);
  });

  it('may be left out', () => {
    expect(parseTopology('hosts: { a: }\nvms: { x: { host: a } }')).toMatchObject({
      accessPoints: {},
      hosts: { a: { radios: [] } },
      vms: { x: { wifi: [] } },
    });
  });

  const ap = (fields: string) => `${hosts}accessPoints:\n  home: { ${fields} }`;
  const rest = 'channel: 6, network: lan';
  // `^` marks where the error must point.
  it.each([
    [
      'two radios of one name',
      'hosts: { a: { radios: [{ name: r }, { name: ^r }] } }',
      'hosts.a.radios[1].name',
      'host a has a radio r already',
    ],
    [
      'a host that is called as access points are',
      'hosts: { ap: { ^radios: [{ name: r }] } }',
      'hosts.ap.radios',
      'a host with radios cannot be called "ap"',
    ],
    [
      'a radio of no channel',
      'hosts: { a: { radios: [{ name: r, channels: ^0 }] } }',
      'hosts.a.radios[0].channels',
      'at least one channel',
    ],
    [
      'a radio that is too strong',
      'hosts: { a: { radios: [{ name: r, txPower: ^31 }] } }',
      'hosts.a.radios[0].txPower',
      'from -10 to 30 dBm',
    ],
    [
      'an access point on no network',
      ap('ssid: h, channel: 6, network: ^constructor'),
      'accessPoints.home.network',
      'there is no network "constructor"; networks are: lan, dmz',
    ],
    [
      'an SSID that is empty',
      ap(`ssid: ^"", ${rest}`),
      'accessPoints.home.ssid',
      'an SSID has 1 to 32 bytes',
    ],
    [
      'an SSID of 33 bytes',
      ap(`ssid: ^${'ä'.repeat(16)}x, ${rest}`),
      'accessPoints.home.ssid',
      'an SSID has 1 to 32 bytes',
    ],
    [
      'an SSID that would move the cursor',
      ap(`ssid: ^"a\\eb", ${rest}`),
      'accessPoints.home.ssid',
      'no control characters',
    ],
    [
      'a short passphrase',
      ap(`ssid: h, passphrase: ^sevench, ${rest}`),
      'accessPoints.home.passphrase',
      '8 to 63 printable ASCII',
    ],
    [
      'a long passphrase',
      ap(`ssid: h, passphrase: ^${'p'.repeat(64)}, ${rest}`),
      'accessPoints.home.passphrase',
      '8 to 63 printable ASCII',
    ],
    [
      'a passphrase that is not ASCII',
      ap(`ssid: h, passphrase: ^geheimnüsse, ${rest}`),
      'accessPoints.home.passphrase',
      '8 to 63 printable ASCII',
    ],
    [
      'a position of one number',
      ap(`ssid: h, ${rest}, ^position: [3]`),
      'accessPoints.home.position',
      'a position is [x, y] in metres',
    ],
    [
      'a beacon too often',
      ap(`ssid: h, ${rest}, beaconInterval: ^1`),
      'accessPoints.home.beaconInterval',
      '15',
    ],
    [
      'an access point without a channel',
      `${hosts}accessPoints:\n  ^home: { ssid: h, network: lan }`,
      'accessPoints.home.channel',
      'required here',
    ],
    ['an unknown key', ap(`ssid: h, ${rest}, ^psk: secret`), 'accessPoints.home.psk', 'unknown key "psk"'],
    [
      'a radio that the host has not',
      `${hosts}${vm('{ radio: ^radio7 }')}`,
      'vms.x.wifi[0].radio',
      'host alpha has no radio "radio7"; its radios are: radio0, radio1',
    ],
    [
      'a second VM at a dedicated radio',
      'hosts: { a: { radios: [{ name: r, dedicated: true }] } }\n' +
        'vms: { x: { host: a, wifi: [{ radio: r }, { radio: r }] }, y: { host: a, wifi: [{ radio: ^r }] } }',
      'vms.y.wifi[0].radio',
      'radio r of host a is dedicated, and VM x has it already',
    ],
    [
      'a passphrase of no SSID',
      `${hosts}${vm(`{ radio: radio0, passphrase: ^${'p'.repeat(8)} }`)}`,
      'vms.x.wifi[0].passphrase',
      'say which with "ssid"',
    ],
    [
      'a fifth NIC',
      `${hosts}vms: { x: { host: alpha, ^wifi: [${'{ radio: radio0 }, '.repeat(5)}] } }`,
      'vms.x.wifi',
      'at most 4 Wi-Fi NICs',
    ],
    [
      'a vMAC twice',
      `${hosts}${vm('{ radio: radio0, mac: "02:00:00:00:00:01" }', '{ radio: radio1, mac: ^"02:00:00:00:00:01" }')}`,
      'vms.x.wifi[1].mac',
      'already used by vms.x.wifi[0]',
    ],
    [
      'a vMAC of the services',
      `${hosts}${vm('{ radio: radio0, mac: ^"0a:56:33:00:00:01" }')}`,
      'vms.x.wifi[0].mac',
      'of the range of network services',
    ],
    [
      'a group vMAC',
      `${hosts}${vm('{ radio: radio0, mac: ^"03:00:00:00:00:01" }')}`,
      'vms.x.wifi[0].mac',
      'unicast',
    ],
    [
      'an address that is neither',
      `${hosts}${vm('{ radio: radio0, ip: ^static }')}`,
      'vms.x.wifi[0].ip',
      'dhcp, or an address with its prefix, is needed',
    ],
    [
      'an address outside of where its SSID leads',
      `${hosts}accessPoints: { home: ${home} }\n${vm('{ radio: radio0, ssid: home, ip: ^10.11.0.9/24 }')}`,
      'vms.x.wifi[0].ip',
      "not in network lan's subnet 10.10.0.0/24, where SSID home leads",
    ],
    [
      'the address of the service there',
      `${hosts}accessPoints: { home: ${home} }\n${vm('{ radio: radio0, ssid: home, ip: ^10.10.0.1/24 }')}`,
      'vms.x.wifi[0].ip',
      '10.10.0.1',
    ],
  ])('%s: refused with line and column', (_, marked, path, message) => expectRefusal(marked, path, message));

  it.each([0, 14, 34, 38, 166, 196, 36.5])('has no channel %s', channel =>
    expectRefusal(
      ap(`ssid: h, channel: ^${channel}, network: lan`),
      'accessPoints.home.channel',
      Number.isInteger(channel) ? 'a channel is 1 to 13 (2.4 GHz), or 36, 40' : 'expected a whole number',
    ),
  );

  it('gives no address and no vMAC to a wired NIC and a wireless one at once', () => {
    const wired = (more: string) => `{ host: beta, nics: [{ network: lan, ${more} }] }`;
    const air = (more: string) => `{ host: alpha, wifi: [{ radio: radio0, ssid: home, ${more} }] }`;
    const both = (more: string) =>
      refuse(`${hosts}accessPoints: { home: ${home} }\nvms: { x: ${wired(more)}, y: ${air(more)} }`);
    expect(both('mac: "02:00:00:00:00:01"').fields).toMatchObject([
      { path: 'vms.y.wifi[0].mac', message: expect.stringContaining('already used by vms.x.nics[0]') },
    ]);
    expect(both('ip: 10.10.0.9/24').fields).toMatchObject([
      { path: 'vms.y.wifi[0].ip', message: expect.stringContaining('already used by vms.x.nics[0]') },
    ]);
  });

  it('says nothing of a passphrase in what it complains of', () => {
    const error = refuse(
      `${hosts}accessPoints: { home: { ssid: h, passphrase: hunter2, channel: 6, network: lan } }`,
    );
    expect(JSON.stringify([error.message, error.fields])).not.toContain('hunter2');
  });
});

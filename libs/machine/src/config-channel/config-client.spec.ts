import { GuestChannel } from '../worker/channel';
import { ConfigClient } from './config-client';

/** The client on a channel whose other end is `answer`, called with each line that the client sends. */
function connect(answer: (line: string) => string | undefined) {
  const sent: string[] = [];
  const channel = new GuestChannel('config', data => {
    for (const line of Buffer.from(data).toString().trimEnd().split('\n')) {
      sent.push(line);
      const reply = answer(line);
      if (reply !== undefined) setImmediate(() => channel.received(Buffer.from(`${reply}\n`)));
    }
  });
  return { client: new ConfigClient(channel), channel, sent };
}

const ok = (line: string) => `ok ${line.split(' ')[0]}`;
const identity = { hostname: 'a1', nics: [{ mac: '02:00:00:00:00:01', cidr: '10.0.0.1/24', mtu: 1500 }] };

it('tells the guest who it is, in one go', async () => {
  const { client, sent } = connect(ok);
  await client.configure({ ...identity, hosts: [{ name: 'b1', ip: '10.0.0.2' }] });
  expect(sent.map(line => line.split(' ')[0])).toEqual([
    'clock',
    'seed',
    'hostname',
    'nic',
    'hosts',
    'ready',
  ]);
  expect(sent[3]).toBe('nic 0 02:00:00:00:00:01 10.0.0.1/24 1500');
  expect(Math.abs(Number(sent[0]!.split(' ')[1]) - Date.now() / 1000)).toBeLessThan(5);
});

it('tells which cards ask for an address and who answers for names, and has leases asked for again', async () => {
  const { client, sent } = connect(ok);
  const nics = [{ mac: '02:00:00:00:00:01', cidr: 'dhcp', mtu: 1500 }];
  await client.configure({ ...identity, nics, dns: { server: '10.0.0.1', domain: 'lan.internal' } });
  expect(sent.slice(3)).toEqual(['nic 0 02:00:00:00:00:01 dhcp 1500', 'dns 10.0.0.1 lan.internal', 'ready']);
  await client.renewLeases();
  expect(sent.at(-1)).toBe('lease');
});

it('does not wait for answers of a guest that has come up since it was asked', async () => {
  const { client, channel } = connect(() => undefined);
  const asked = client.configure(identity, 3_600_000);
  setImmediate(() => channel.received(Buffer.from('up\n')));
  await expect(asked).rejects.toMatchObject({
    code: 'VM_NO_AGENT',
    message: expect.stringContaining('just come up'),
  });
  await client.up(1);
});

it('tells Wi-Fi NICs their networks in a way that nothing in a name can break', async () => {
  const { client, sent } = connect(ok);
  const mac = '02:56:4d:00:00:01';
  await client.configure({
    ...identity,
    wifi: [
      { mac, ssid: 'IEEE', passphrase: 'password', cidr: 'dhcp' },
      { mac, ssid: 'a "b"\n$(c)', cidr: '10.0.0.2/24' },
      { mac },
    ],
  });
  expect(sent.slice(4, -1)).toEqual([
    // the first test vector of IEEE 802.11-2020, J.4.2
    `wifi 0 ${mac} dhcp 49454545 f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e`,
    `wifi 1 ${mac} 10.0.0.2/24 ${Buffer.from('a "b"\n$(c)').toString('hex')}`,
    `wifi 2 ${mac} -`,
  ]);
});

it.each([
  ['an SSID of no bytes', { ssid: '' }, 'an SSID has 1 to 32 bytes, not 0'],
  ['an SSID that is too long', { ssid: 'ä'.repeat(17) }, 'an SSID has 1 to 32 bytes, not 34'],
  ['a short passphrase', { ssid: 'x', passphrase: '1234567' }, '8 to 63 printable ASCII characters'],
  [
    'a passphrase with a line end',
    { ssid: 'x', passphrase: '12345678\n' },
    '8 to 63 printable ASCII characters',
  ],
])('does not tell %s', async (_, wifi, message) => {
  const { client, sent } = connect(ok);
  const configured = client.configure({ ...identity, wifi: [{ mac: '02:56:4d:00:00:01', ...wifi }] });
  await expect(configured).rejects.toMatchObject({
    code: 'INVALID_REQUEST',
    message: expect.stringContaining(message),
  });
  expect(sent).toEqual([]);
});

it('passes on what the guest refuses', async () => {
  const { client } = connect(line => (line.startsWith('nic') ? 'error nic there is no eth0' : ok(line)));
  await expect(client.configure(identity)).rejects.toMatchObject({
    code: 'GUEST_FAILED',
    message: 'the guest refuses its nic: there is no eth0',
  });
});

it('does not let a name break the protocol', async () => {
  const { client, sent } = connect(ok);
  await expect(client.configure({ ...identity, hostname: 'a\npoweroff' })).rejects.toMatchObject({
    code: 'INVALID_REQUEST',
  });
  expect(sent).toEqual([]);
});

it('gives up in time and does not take late answers for those of the next request', async () => {
  let mute = true;
  const { client, channel } = connect(line => (mute ? undefined : ok(line)));
  await expect(client.setClock(20)).rejects.toMatchObject({ code: 'VM_NO_AGENT' });
  mute = false;
  channel.received(Buffer.from('error clock too late\n'));
  await client.setClock(1000);
});

it('knows when the guest is up, before or after being asked', async () => {
  const { client, channel } = connect(ok);
  const asked = client.up(1000);
  channel.received(Buffer.from('up\n'));
  await asked;
  await client.up(1);
});

it('says that the guest ended to all who wait', async () => {
  const { client, channel } = connect(() => undefined);
  const waiting = [client.setClock(10_000), client.up(10_000)];
  channel.end(new Error('kernel panic'));
  for (const wait of waiting) await expect(wait).rejects.toThrow('kernel panic');
  await expect(client.setClock()).rejects.toThrow('kernel panic');
});

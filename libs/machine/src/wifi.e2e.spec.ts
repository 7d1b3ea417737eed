import type { WifiIdentity } from './config-channel/config-client';
import { Air } from './testing/air.fixture';
import { Guests, identityOf, sh } from './testing/guests.fixture';
import { OpenAccessPoint } from './testing/open-access-point.fixture';
import type { Guest } from './worker/guest';

/** Wi-Fi of real guests, on an air without loss: an access point written for this, and one in a guest (hostapd). */

const BSSID = '06:00:00:00:00:01';
const CHANNEL = 1;
const macOf = (index: number, nic: number) => `02:56:4d:00:0${nic}:0${index}`;
/** wlan0 joins the access point, wlan1 is left to the guest unless it is told something. */
const identity = (index: number, second: Partial<WifiIdentity> = {}) => ({
  ...identityOf(index),
  wifi: [
    { mac: macOf(index, 0), ssid: 'Home', cidr: `10.1.0.${index + 1}/24` },
    { mac: macOf(index, 1), ...second },
  ],
});

let guests: Guests;
let air: Air;
let home: OpenAccessPoint;
let [a, b]: Guest[] = [];

beforeAll(async () => {
  guests = await Guests.prepare('debian-wifi', 2);
  air = new Air();
  home = new OpenAccessPoint(air, BSSID, 'Home', CHANNEL);
  a = await start(0);
  b = await start(1);
});
afterAll(async () => {
  home?.stop();
  await guests?.stop();
});

async function start(index: number): Promise<Guest> {
  const guest = await guests.startAs(index, identityOf(index));
  air.add(guest);
  await guest.config.configure(identity(index), CONFIGURE_MS);
  return guest;
}

const CONFIGURE_MS = 60_000;
/** An exchange of keys that a slow guest is too late for begins anew. */
const CONNECT_MS = 240_000;
/** What `iw` says of the connection, keys exchanged. */
const connected = (guest: Guest, nic: number) =>
  sh(
    guest,
    `until wpa_cli -i wlan${nic} status | grep -q wpa_state=COMPLETED; do usleep 100000; done; iw dev wlan${nic} link`,
    CONNECT_MS,
  );
const ping = (guest: Guest, address: string) => sh(guest, `ping -c 3 -W 20 ${address} | tail -2`);

it('has the addresses that it was given, and joins the network that it was told', async () => {
  for (const [index, guest] of [a!, b!].entries()) {
    const link = await connected(guest, 0);
    expect(link).toContain(`Connected to ${BSSID}`);
    expect(link).toMatch(/SSID: Home\n.*freq: 2412\n[^]*signal: -42 dBm/);
    expect(await sh(guest, 'cat /sys/class/net/wlan?/address')).toBe(
      `${macOf(index, 0)}\n${macOf(index, 1)}`,
    );
    expect(await sh(guest, 'cat /sys/class/net/wlan1/operstate')).toBe('down');
    expect(air.addresses(guest)).toEqual({ [macOf(index, 0)]: 1 });
  }
  expect([...home.stations].sort()).toEqual([macOf(0, 0), macOf(1, 0)]);
});

it('finds the network by a scan, while another NIC of the guest uses it', async () => {
  // In one go, iw may miss that the scan is over: it only listens when it has begun.
  const found = `until iw dev wlan1 scan dump | grep -q ${BSSID}; do usleep 100000; done`;
  await sh(a!, `ip link set wlan1 up; iw dev wlan1 scan trigger freq 2412; ${found}`);
  const scan = await sh(a!, 'iw dev wlan1 scan dump; ip link set wlan1 down');
  expect(scan).toMatch(new RegExp(`^BSS ${BSSID}\\(on wlan1\\)`));
  expect(scan).toContain('signal: -42.00 dBm');
  expect(scan).toContain('SSID: Home');
  expect(air.addresses(a!)).toEqual({ [macOf(0, 0)]: 1 });
});

it('carries traffic from guest to guest by the access point', async () => {
  expect(await ping(a!, '10.1.0.2')).toContain('3 packets received');
  const { devices } = await a!.telemetry();
  const { txFrames, rxFrames, unanswered, txForgiven, rxDroppedSize } = devices['virtio-hwsim']!;
  expect(Math.min(txFrames!, rxFrames!)).toBeGreaterThan(5);
  expect([txForgiven, rxDroppedSize]).toEqual([0, 0]);
  expect(unanswered).toBeLessThan(10);
});

it('goes on in another machine, connected, and its addresses are told again', async () => {
  await a!.pause();
  const state = await a!.save();
  air.remove(a!);
  await a!.terminate();
  a = await guests.create(0);
  air.add(a);
  await a.load(state);
  expect(air.addresses(a)).toEqual({ [macOf(0, 0)]: 1 });
  await a.run();
  expect(await ping(a, '10.1.0.2')).toContain('3 packets received');
  expect(await sh(a, 'iw dev wlan0 link')).toContain(`Connected to ${BSSID}`);
});

it('is another station where its state is cloned', async () => {
  await a!.pause();
  const state = await a!.save();
  await a!.run();
  const clone = await guests.create(2);
  await clone.load(state);
  await clone.run();
  await clone.config.configure(identity(2), CONFIGURE_MS);
  air.add(clone);
  clone.announceWifi();
  expect(await connected(clone, 0)).toContain(BSSID);
  expect(home.stations).toContain(macOf(2, 0));
  expect(await ping(clone, '10.1.0.1')).toContain('3 packets received');
  expect(await ping(a!, '10.1.0.2')).toContain('3 packets received');
  air.remove(clone);
  await clone.terminate();
});

it('joins an access point in another guest with WPA2, and gets its address from there', async () => {
  const [ssid, passphrase] = ['Guest\'s "$(AP)"', 'correct "horse" #1'];
  await sh(
    b!,
    [
      `printf 'interface=wlan1\\nssid2=${Buffer.from(ssid).toString('hex')}\\nhw_mode=g\\nchannel=6\\nwpa=2\\n' > /tmp/h`,
      `printf 'wpa_key_mgmt=WPA-PSK\\nrsn_pairwise=CCMP\\nwpa_passphrase=${passphrase}\\n' >> /tmp/h`,
      'hostapd -B /tmp/h && ip address add 10.2.0.1/24 dev wlan1',
      `printf 'start 10.2.0.9\\nend 10.2.0.9\\ninterface wlan1\\nlease_file /tmp/leases\\n' > /tmp/d`,
      'touch /tmp/leases && udhcpd /tmp/d',
    ].join(' && '),
  );
  await a!.config.configure(identity(0, { ssid, passphrase, cidr: 'dhcp' }), CONFIGURE_MS);
  expect(await connected(a!, 1)).toContain(`Connected to ${macOf(1, 1)}`);
  await sh(a!, 'until ip address show wlan1 | grep -q 10.2.0.9; do usleep 100000; done');
  expect(await ping(a!, '10.2.0.1')).toContain('3 packets received');
  expect(await sh(a!, 'stat -c %a /run/wpa_supplicant.wlan1.conf')).toBe('600');
  // the other NIC, on another channel, was told the same as before
  expect(await connected(a!, 0)).toContain(BSSID);
});

it('gives up its addresses when its driver goes', async () => {
  await sh(b!, 'killall hostapd udhcpd wpa_supplicant; rmmod mac80211_hwsim');
  expect(air.addresses(b!)).toEqual({});
});

it('refuses a state with another number of Wi-Fi NICs', async () => {
  await b!.pause();
  const state = await b!.save();
  const other = await guests.create(5, { wifiCount: 1 });
  await expect(other.load(state)).rejects.toMatchObject({
    code: 'STATE_INCOMPATIBLE',
    message: expect.stringContaining('its machine had 2 Wi-Fi NICs, this one has 1'),
  });
});

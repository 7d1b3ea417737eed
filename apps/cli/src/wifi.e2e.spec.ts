import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from '@v3vee/client';
import type { Bss, List, RadioView, Vm } from '@v3vee/contracts';
import { TestCluster } from '@v3vee/testkit';
import {
  Ieee80211Frame,
  pcapngBlocks,
  PcapngSplitter,
  RADIOTAP_LINK_TYPE,
  readInterface,
  readPacket,
  readRadiotap,
} from '@v3vee/wire';

/**
 * Virtual WiFi as its user sees it: w1 and w2 share the radio of alpha, each with its own network and credentials; w3
 * on beta is left to do as it likes; b1 is wired, on the network that the access points bridge into.
 */
const topology = `
hosts:
  alpha: { radios: [{ name: radio0, position: [0, 0] }] }
  beta: { radios: [{ name: radio0, position: [4, 0] }] }
networks: { lan: { subnet: 10.10.0.0/24 } }
accessPoints:
  home: { ssid: home, passphrase: correct horse, channel: 6, network: lan, position: [2, 0] }
  attic: { ssid: home, passphrase: correct horse, channel: 1, network: lan, position: [40, 0] }
  cafe: { ssid: cafe, channel: 11, network: lan }
vms:
  w1:
    host: alpha
    image: debian-wifi
    wifi: [{ radio: radio0, ssid: home, passphrase: correct horse, mac: "02:56:4d:00:00:01", ip: 10.10.0.31/24 }]
  w2:
    host: alpha
    image: debian-wifi
    wifi: [{ radio: radio0, ssid: cafe, mac: "02:56:4d:00:00:02", ip: 10.10.0.32/24 }]
  w3: { host: beta, image: debian-wifi, wifi: [{ radio: radio0, mac: "02:56:4d:00:00:03" }] }
  b1: { host: beta, nics: [{ network: lan, ip: 10.10.0.21/24 }] }
`;
const KIB = 256;

describe('Virtual WiFi', () => {
  let cluster: TestCluster;
  let client: Client;
  let folder: string;
  let sum: string;

  const sh = async (vm: string, command: string) =>
    (
      await cluster.ok(['vm', 'exec', vm, '--timeout', '200', '--', 'sh', '-c', command], {
        timeoutMs: 240_000,
      })
    ).trim();
  // Asked again and again; a process for each question would take from the guests what they need to associate in time.
  const station = async (name: string) =>
    (await client.list('listStations')).find(each => each.name === name)!;
  const events = () => client.list('listWifiEvents');
  /** Until it is so; the test's own time is the limit. */
  const until = async <T>(look: () => Promise<T>, holds: (seen: T) => boolean): Promise<T> => {
    for (;;) {
      const seen = await look();
      if (holds(seen)) return seen;
      await new Promise(resolve => setTimeout(resolve, 250));
    }
  };
  const associated = (vm: string, accessPoint: string) =>
    until(
      () => station(`${vm}/wlan0`),
      ({ state, status }) => state === 'ASSOCIATED' && status?.accessPoint === accessPoint,
    );
  const reaches = (vm: string, ip: string) =>
    sh(vm, `for i in $(seq 60); do ping -c 1 -W 1 ${ip} >/dev/null && echo yes && break; done`);

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'v3-wifi-'));
    const topologyFile = join(folder, 'cluster.yaml');
    writeFileSync(topologyFile, topology);
    cluster = await TestCluster.up({ topologyFile });
    client = await cluster.client();
    sum = await sh(
      'b1',
      `mkdir /www; cd /www; head -c ${KIB << 10} /dev/urandom > f; httpd -h .; sha256sum f | cut -c1-64`,
    );
  });
  afterAll(async () => {
    await cluster?.down();
    rmSync(folder, { recursive: true, force: true });
  });

  it('has two VMs with their own credentials on two networks and channels over one radio', async () => {
    await Promise.all([associated('w1', 'ap/home'), associated('w2', 'ap/cafe')]);
    expect(await Promise.all([reaches('w1', '10.10.0.21'), reaches('w2', '10.10.0.21')])).toEqual([
      'yes',
      'yes',
    ]);
    const { status } = await cluster.json<RadioView>(['wifi', 'radio', 'show', 'alpha/radio0']);
    expect(status?.schedule.map(({ channel }) => channel)).toEqual([6, 11]);
    expect(await sh('w1', 'wpa_cli -i wlan0 status')).toMatch(/^wpa_state=COMPLETED$/m);
    const both = ['w1', 'w2'].map(vm => sh(vm, 'wget -q -O - http://10.10.0.21/f | sha256sum | cut -c1-64'));
    expect(await Promise.all(both)).toEqual([sum, sum]);
  });

  it('shows what is on the air, to the guest and to the user', async () => {
    await cluster.ok(['wifi', 'set-snr', 'beta/radio0', 'ap/home', '50']);
    await cluster.ok(['wifi', 'set-snr', 'beta/radio0', 'ap/attic', '16']);
    const seen = await sh('w3', 'ip link set wlan0 up; iw dev wlan0 scan');
    for (const ssid of ['home', 'cafe']) expect(seen).toMatch(new RegExp(`SSID: ${ssid}$`, 'm'));
    // Above the noise floor of -91 dBm.
    expect([...seen.matchAll(/signal: (-\d+)/g)].map(([, dBm]) => Number(dBm)).sort()).toEqual(
      expect.arrayContaining([-75, -41]),
    );
    const { items } = await cluster.json<List<Bss>>(['wifi', 'scan', 'beta/radio0']);
    expect(items.map(({ ssid, channel }) => `${ssid} ${channel}`).sort()).toEqual([
      'cafe 11',
      'home 1',
      'home 6',
    ]);
  });

  it('refuses a wrong passphrase: the guest is told, and so is the user', async () => {
    const told = await sh(
      'w3',
      `wpa_passphrase home 'wrong horse' > /tmp/wrong.conf
       wpa_supplicant -B -D nl80211 -i wlan0 -c /tmp/wrong.conf -f /tmp/wrong.log -C /tmp/wpa
       for i in $(seq 300); do grep -q WRONG_KEY /tmp/wrong.log && break; sleep 0.2; done
       grep -o 'pre-shared key may be incorrect' /tmp/wrong.log | head -1; killall wpa_supplicant`,
    );
    expect(told).toBe('pre-shared key may be incorrect');
    const failed = await until(events, all =>
      all.some(({ event, nic }) => event === 'HANDSHAKE_FAILED' && nic === 'w3/wlan0'),
    );
    expect(failed.some(({ event, nic }) => event === 'AUTHORIZED' && nic === 'w3/wlan0')).toBe(false);
  });

  it('lets a VM host an access point for another', async () => {
    await sh(
      'w3',
      `printf 'interface=wlan0\\ndriver=nl80211\\nssid=guests\\nhw_mode=g\\nchannel=11\\nwpa=2\\nwpa_key_mgmt=WPA-PSK\\nrsn_pairwise=CCMP\\nwpa_passphrase=battery staple\\n' > /tmp/h.conf
       hostapd -B /tmp/h.conf >/tmp/hostapd.log; ip addr add 10.30.0.1/24 dev wlan0`,
    );
    await sh(
      'w2',
      `killall wpa_supplicant; wpa_passphrase guests 'battery staple' > /tmp/g.conf
       for i in $(seq 50); do pidof wpa_supplicant >/dev/null || break; sleep 0.1; done
       wpa_supplicant -B -D nl80211 -i wlan0 -c /tmp/g.conf >/dev/null; ip addr add 10.30.0.2/24 dev wlan0`,
    );
    expect(await reaches('w2', '10.30.0.1')).toBe('yes');
    expect(await station('w3/wlan0')).toMatchObject({ state: 'ACCESS_POINT' });
    expect(await station('w2/wlan0')).toMatchObject({ status: { accessPoint: 'w3/wlan0', ssid: 'guests' } });
  });

  it('speaks WPA3 (SAE, protected management frames) between two guests', async () => {
    await sh(
      'w3',
      `killall hostapd; while pidof hostapd >/dev/null; do sleep 0.1; done
       printf 'interface=wlan0\\ndriver=nl80211\\nssid=three\\nhw_mode=g\\nchannel=11\\nwpa=2\\nwpa_key_mgmt=SAE\\nieee80211w=2\\nrsn_pairwise=CCMP\\nsae_password=correct horse\\n' > /tmp/h.conf
       hostapd -B /tmp/h.conf >/tmp/hostapd.log`,
    );
    await sh(
      'w2',
      `killall wpa_supplicant; while pidof wpa_supplicant >/dev/null; do sleep 0.1; done
       printf 'ctrl_interface=/run/wpa\\nnetwork={\\nssid="three"\\nkey_mgmt=SAE\\nsae_password="correct horse"\\nieee80211w=2\\n}\\n' > /tmp/s.conf
       wpa_supplicant -B -D nl80211 -i wlan0 -c /tmp/s.conf >/dev/null`,
    );
    expect(await reaches('w2', '10.30.0.1')).toBe('yes');
    expect(await sh('w2', 'wpa_cli -p /run/wpa -i wlan0 status')).toMatch(/^key_mgmt=SAE$/m);
    expect(await sh('w2', 'wpa_cli -p /run/wpa -i wlan0 status')).toMatch(/^pmf=[12]$/m);
  });

  it('drops and counts what a VM sends under an address of another', async () => {
    await sh(
      'w2',
      `killall wpa_supplicant; ip link set wlan0 down; ip link set wlan0 address 02:56:4d:00:00:01
       ip link set wlan0 up; iw dev wlan0 connect cafe`,
    );
    // It scans first, and scans again as long as nobody answers.
    await until(
      () => client.call('getRadio', { radio: 'alpha/radio0' }),
      ({ status }) => (status?.counters.dropped.spoofed ?? 0) > 0,
    );
    await sh('w2', 'ip link set wlan0 down');
    expect(await reaches('w1', '10.10.0.21')).toBe('yes');
  });

  it('downloads on while its VM moves to another host', async () => {
    // Some 40 KiB a second: it is under way for longer than the move.
    const slowly =
      'while dd bs=8192 count=1 of=/tmp/part 2>/dev/null && [ -s /tmp/part ]; do cat /tmp/part; sleep 0.2; done';
    const download = `(wget -q -O - http://10.10.0.21/f | ${slowly} > /tmp/f; touch /tmp/end)`;
    await sh('w1', `${download} >/dev/null 2>&1 </dev/null & sleep 1`);
    await cluster.ok(['vm', 'migrate', 'w1', 'beta'], { timeoutMs: 240_000 });
    expect((await cluster.json<Vm>(['vm', 'show', 'w1'])).host).toBe('beta');
    expect(await sh('w1', 'until [ -e /tmp/end ]; do sleep 0.2; done; sha256sum /tmp/f | cut -c1-64')).toBe(
      sum,
    );
    expect(await station('w1/wlan0')).toMatchObject({ state: 'ASSOCIATED', radio: 'beta/radio0' });
    const news = (await events()).filter(({ nic }) => nic === 'w1/wlan0');
    expect(news.filter(({ event }) => event === 'AUTHORIZED')).toHaveLength(1);
  });

  it('roams when another access point becomes the better one', async () => {
    await sh(
      'w1',
      'wpa_cli -i wlan0 set_network 0 bgscan \'"simple:1:-60:5"\'; wpa_cli -i wlan0 reassociate',
    );
    await associated('w1', 'ap/home');
    await cluster.ok(['wifi', 'set-snr', 'beta/radio0', 'ap/home', '16']);
    await cluster.ok(['wifi', 'set-snr', 'beta/radio0', 'ap/attic', '50']);
    await associated('w1', 'ap/attic');
    expect(await reaches('w1', '10.10.0.21')).toBe('yes');
  });

  it('is captured as 802.11 with radiotap: what a host hears, and what one NIC sends', async () => {
    const path = join(folder, 'air.pcapng');
    const beacons = await cluster.v3(['capture', 'wlan:beta', '-w', path, '-f', 'subtype beacon', '-c', '5']);
    expect(beacons).toMatchObject({ code: 0, stderr: expect.stringMatching(/^5 packets captured/m) });
    const blocks = new PcapngSplitter().push(readFileSync(path));
    expect(readInterface(blocks[1]!)).toMatchObject({ name: 'wlan:beta', linkType: RADIOTAP_LINK_TYPE });
    const packets = blocks.filter(({ type }) => type === pcapngBlocks.ENHANCED_PACKET).map(readPacket);
    expect(packets).toHaveLength(5);
    for (const { bytes } of packets) {
      const { length, freq } = readRadiotap(bytes);
      expect(Ieee80211Frame.read(bytes.subarray(length)).isBeacon).toBe(true);
      expect([2412, 2437, 2462]).toContain(freq);
    }

    let isEnded = false;
    const capturing = cluster
      .v3(['capture', 'wlan:w1/wlan0', '--print', '-f', 'type data and not subtype null', '-c', '4'])
      .finally(() => (isEnded = true));
    // Whenever the capture begins: there will be frames.
    while (!isEnded) await sh('w1', 'ping -c 2 -i 0.1 10.10.0.21 >/dev/null');
    const { code, stdout } = await capturing;
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(4);
    for (const line of lines)
      expect(line).toMatch(/ (in|out) .*02:56:4d:00:00:01.*Data encrypted length \d+, channel 1, /);
  });

  it('has no process that needs more of NATS than it may', async () => {
    expect(await cluster.refusedByNats()).toEqual([]);
  });
});

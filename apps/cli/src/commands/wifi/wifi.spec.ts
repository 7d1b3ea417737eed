import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  V3Error,
  type AccessPoint,
  type AirtimeEntry,
  type Bss,
  type RadioView,
  type Station,
  type WifiCounters,
} from '@v3vee/contracts';
import { formatError } from '../../errors';
import { createProgram, usageError } from '../../program';

const counters: WifiCounters = {
  ...{ transmitFrames: 10, transmitBytes: 2048, retries: 3, failed: 1, receiveFrames: 8, receiveBytes: 700 },
  dropped: { spoofed: 2, 'no-channel': 1 },
};
const airtime = { airtimeUs: 1_234_000, share: 0.256 };
const radio: RadioView = {
  ...{ id: 'alpha/radio0', host: 'alpha', name: 'radio0', position: [1, -2.5], txPower: 20, channels: 1 },
  ...{ dedicated: false, state: 'READY', nics: 2 },
  status: {
    ...{ tuned: [6], switches: 7, buffered: 4, counters, airtime },
    schedule: [
      { channel: 6, sliceMs: 30, share: 0.75, addresses: ['02:00:00:00:00:01'] },
      { channel: 36, sliceMs: 10, share: 0.25, addresses: ['02:00:00:00:00:02'] },
    ],
  },
};
const accessPoint: AccessPoint = {
  ...{ name: 'home', bssid: '02:00:00:00:00:99', ssid: 'Zu \x1b[31mhause', security: 'wpa2-psk', channel: 6 },
  ...{ network: 'lan', position: null, txPower: 20, beaconInterval: 100, hidden: false, state: 'UP' },
  ...{ reason: 'on channel 6', counters, airtime, createdAt: '2026-01-01T00:00:00.000Z' },
  stations: [
    {
      ...{ address: '02:00:00:00:00:01', nic: 'a1/wlan0', state: 'AUTHORIZED', power: 'SAVING', buffered: 5 },
      ...{ signal: -48.4, transmitRate: 54, receiveRate: 48, associatedAt: '2026-01-01T00:00:00.000Z' },
      counters,
    },
  ],
};
const station: Station = {
  ...{ name: 'a1/wlan0', vm: 'a1', host: 'alpha', radio: 'alpha/radio0', mac: '02:00:00:00:00:01' },
  ...{ declared: 'Zuhause', state: 'ASSOCIATED' },
  status: {
    ...{ power: 'SAVING', ssid: 'Zuhause', bssid: '02:00:00:00:00:99', accessPoint: 'ap/home', channel: 6 },
    ...{ signal: -48.4, transmitRate: 54, receiveRate: 48, associatedAt: null, counters, airtime },
  },
};
const bss: Bss = {
  ...{ bssid: '02:00:00:00:00:99', ssid: '', channel: 6, freq: 2437, signal: -48.4, beaconInterval: 100 },
  ...{ security: 'open', seenMs: 12, accessPoint: 'ap/home' },
};
const use: AirtimeEntry = {
  ...{ antenna: 'alpha/radio0', name: 'a1/wlan0', address: '02:00:00:00:00:01', channel: 6 },
  ...{ ...airtime, frames: 10, bytes: 2048, retries: 3, failed: 1 },
};

/** The command line in this process, against a gateway that answers what the test says. */
describe('v3 wifi', () => {
  let answer: (request: IncomingMessage, response: ServerResponse) => void;
  let asked: string[] = [];
  let body = '';
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url?.replace(/\?requestId=[^&]*/, '')}`);
    body = '';
    request.setEncoding('utf8').on('data', (part: string) => (body += part));
    request.on('end', () => answer(request, response));
  });
  const environment = { ...process.env };
  const folder = mkdtempSync(join(tmpdir(), 'v3-wifi-'));
  beforeAll(async () => {
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    process.env.V3_URL = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    process.env.V3_TOKEN = 'x';
  });
  afterAll(() => {
    process.env = environment;
    rmSync(folder, { recursive: true });
    server.close();
    server.closeAllConnections();
  });
  beforeEach(() => (asked = []));

  /** As `main` does it. */
  async function v3(...args: string[]) {
    const result = { code: 0, stdout: '', stderr: '' };
    const into = (key: 'stdout' | 'stderr') =>
      jest.spyOn(process[key], 'write').mockImplementation(text => {
        result[key] += String(text);
        return true;
      });
    const spies = [into('stdout'), into('stderr')];
    try {
      await createProgram().parseAsync(args, { from: 'user' });
    } catch (thrown) {
      const error = V3Error.from(usageError(thrown) ?? thrown);
      result.code = error.exitCode;
      result.stderr += formatError(error);
    } finally {
      for (const spy of spies) spy.mockRestore();
    }
    return result;
  }
  const json = (value: unknown) => (_: IncomingMessage, response: ServerResponse) =>
    void response.end(JSON.stringify(value));
  const items = (...all: object[]) => json({ items: all, nextPageToken: '' });
  const lines = async (...args: string[]) => (await v3('wifi', ...args)).stdout.trimEnd().split('\n');

  it('radio list and show: what each is tuned to, and for whom', async () => {
    answer = items(radio, { ...radio, id: 'beta/radio0', state: 'UNKNOWN', status: null, position: null });
    const [head, first, second] = await lines('radio', 'list');
    expect(head).toMatch(/^RADIO +STATE +NICS +TUNED +CHANNELS +AIRTIME +POSITION +POWER$/);
    expect(first).toMatch(/^alpha\/radio0 +READY +2 +6 +6 \(75.0%\), 36 \(25.0%\) +25.6% +1,-2.5 +20 dBm$/);
    expect(second).toMatch(/^beta\/radio0 +UNKNOWN +2 +- +- +- +- +20 dBm$/);
    answer = json(radio);
    const shown = await lines('radio', 'show', 'alpha/radio0');
    expect(asked.at(-1)).toBe('GET /v1/radios/alpha%2Fradio0');
    expect(shown).toContain('Switches:  7');
    expect(shown).toContain('Dropped:   3');
    expect(shown.at(-1)).toMatch(/^36 +25.0% +10 ms +02:00:00:00:00:02$/);
    expect(JSON.parse((await v3('wifi', 'radio', 'show', 'alpha/radio0', '-o', 'json')).stdout)).toEqual(
      radio,
    );
  });

  it('ap list and show: with its stations, and nothing that steers the terminal', async () => {
    answer = items(accessPoint, {
      ...accessPoint,
      name: 'b',
      state: 'UNKNOWN',
      counters: null,
      airtime: null,
    });
    const [head, first, second] = await lines('ap', 'list');
    expect(head).toMatch(
      /^NAME +SSID +SECURITY +CHANNEL +NETWORK +STATE +STATIONS +AIRTIME +POSITION +REASON$/,
    );
    expect(first).toMatch(/^home +Zu +\[31mhause +wpa2-psk +6 +lan +UP +1 +25.6% +- +on channel 6$/);
    expect(second).toMatch(/^b .* UNKNOWN +- +- +- /);
    answer = json(accessPoint);
    const shown = await lines('ap', 'show', 'home');
    expect(asked.at(-1)).toBe('GET /v1/access-points/home');
    expect(shown).toContain('Bssid:     02:00:00:00:00:99');
    expect(shown.at(-1)).toMatch(
      /^a1\/wlan0 +02:00:00:00:00:01 +AUTHORIZED +yes +5 +-48 dBm +54 +48 +2.0 KiB +700 B +3 +\d+d/,
    );
  });

  it('ap add, set and remove', async () => {
    const file = join(folder, 'secret');
    writeFileSync(file, 'correct horse\n');
    answer = json(accessPoint);
    const given = ['--ssid', 'Zuhause', '--channel', '6', '--network', 'lan'];
    const more = ['--passphrase-file', file, '--position', '1,-2.5', '--power', '-3', '--beacon', '200'];
    expect(await v3('wifi', 'ap', 'add', 'home', ...given, ...more, '--hidden')).toEqual({
      ...{ code: 0, stdout: 'wifi/ap/home added\n', stderr: '' },
    });
    expect(asked).toEqual(['POST /v1/access-points']);
    expect(JSON.parse(body)).toEqual({
      ...{ name: 'home', ssid: 'Zuhause', channel: 6, network: 'lan', passphrase: 'correct horse' },
      ...{ position: [1, -2.5], txPower: -3, beaconInterval: 200, hidden: true },
    });
    await v3('wifi', 'ap', 'add', 'home', ...given);
    expect(JSON.parse(body)).toEqual({ name: 'home', ssid: 'Zuhause', channel: 6, network: 'lan' });

    const set = async (...args: string[]) => {
      expect((await v3('wifi', 'ap', 'set', 'home', ...args)).stdout).toBe('wifi/ap/home changed\n');
      return JSON.parse(body) as object;
    };
    expect(await set('--channel', '11')).toEqual({ channel: 11 });
    expect(await set('--passphrase', 'hunter 222', '--no-hidden')).toEqual({
      ...{ passphrase: 'hunter 222', hidden: false },
    });
    expect(await set('--open')).toEqual({ passphrase: null });
    answer = json({});
    expect((await v3('wifi', 'ap', 'remove', 'a', 'b')).stdout).toBe(
      'wifi/ap/a removed\nwifi/ap/b removed\n',
    );
    expect(asked.slice(-2)).toEqual(['DELETE /v1/access-points/a', 'DELETE /v1/access-points/b']);
    expect((await v3('wifi', 'ap', 'deauth', 'home', 'a1/wlan0')).stdout).toBe(
      'a1/wlan0 was thrown off wifi/ap/home\n',
    );
    expect([asked.at(-1), JSON.parse(body)]).toEqual([
      'POST /v1/access-points/home:deauthenticate',
      { station: 'a1/wlan0' },
    ]);
  });

  it('station list, airtime, scan, link list and events', async () => {
    answer = items(station, { ...station, name: 'b1/wlan0', state: 'DETACHED', status: null });
    const stations = await lines('station', 'list');
    expect(stations[0]).toMatch(
      /^STATION +RADIO +STATE +SSID +AP +CHANNEL +SIGNAL +TX-MBIT +RX-MBIT +TX +RX +RETRIES +POWER-SAVE$/,
    );
    expect(stations[1]).toMatch(
      /^a1\/wlan0 +alpha\/radio0 +ASSOCIATED +Zuhause +ap\/home +6 +-48 dBm +54 +48 +2.0 KiB +700 B +3 +yes$/,
    );
    expect(stations[2]).toMatch(/^b1\/wlan0 +alpha\/radio0 +DETACHED +-/);
    answer = items(use);
    expect((await lines('airtime'))[1]).toMatch(
      /^alpha\/radio0 +a1\/wlan0 +6 +25.6% +1.2 s +10 +2.0 KiB +3 +1$/,
    );
    answer = items(bss);
    expect((await lines('scan', 'alpha/radio0'))[1]).toMatch(
      /^02:00:00:00:00:99 +- +6 +-48 dBm +open +ap\/home +12 ms ago$/,
    );
    expect(asked.at(-1)).toBe('GET /v1/radios/alpha%2Fradio0/bss');
    answer = items({
      from: 'ap/home',
      to: 'alpha/radio0',
      distance: 5.04,
      snr: 40.25,
      signal: -51,
      fixed: true,
    });
    expect((await lines('link', 'list'))[1]).toMatch(
      /^ap\/home +alpha\/radio0 +5 m +40.3 dB +-51 dBm +set-snr$/,
    );
    answer = items({
      ...{ at: '2026-01-01T00:00:00.000Z', accessPoint: 'home', address: '02:00:00:00:00:01', nic: null },
      ...{ event: 'HANDSHAKE_FAILED', reason: 'message 2 does not fit' },
    });
    expect((await lines('events'))[1]).toMatch(/ home +02:00:00:00:00:01 +HANDSHAKE_FAILED +message 2 does/);
    answer = items();
    for (const [args, words] of [
      [['radio', 'list'], 'There are no radios.'],
      [['ap', 'list'], 'There are no access points.'],
      [['station', 'list'], 'There are no Wi-Fi NICs.'],
      [['airtime'], 'Nobody is on the air.'],
      [['scan', 'alpha/radio0'], 'alpha/radio0 hears no access point.'],
    ] as const) {
      expect(await v3('wifi', ...args)).toEqual({ code: 0, stdout: '', stderr: `${words}\n` });
    }
  });

  it('set-snr and set-position, also of negative numbers', async () => {
    answer = (_, response) => void response.end(body);
    const pair = ['alpha/radio0', 'ap/home'];
    expect((await v3('wifi', 'set-snr', ...pair, '-3.5')).stdout).toBe(
      'between alpha/radio0 and ap/home: -3.5 dB\n',
    );
    expect([asked.at(-1), JSON.parse(body)]).toEqual([
      'POST /v1/wifi/links:setSnr',
      { a: 'alpha/radio0', b: 'ap/home', snr: -3.5 },
    ]);
    expect((await v3('wifi', 'set-snr', ...pair, 'auto')).stdout).toContain('by position');
    expect(JSON.parse(body)).toMatchObject({ snr: null });
    expect((await v3('wifi', 'set-position', 'ap/home', '-12.5', '-.5')).stdout).toBe(
      'ap/home is at -12.5, -0.5\n',
    );
    expect([asked.at(-1), JSON.parse(body)]).toEqual([
      'POST /v1/wifi/links:setPosition',
      { id: 'ap/home', position: [-12.5, -0.5] },
    ]);
    expect((await v3('wifi', 'set-position', 'ap/home', 'none')).stdout).toBe('ap/home is nowhere\n');
  });

  it.each([
    [['radio', 'show', 'radio0'], 'write HOST/RADIO, for example alpha/radio0'],
    [['scan', 'alpha'], 'write HOST/RADIO'],
    [['ap', 'add', 'home', '--ssid', 's', '--network', 'lan'], "required option '--channel <n>'"],
    [['ap', 'add', 'x', '--ssid', 's', '--network', 'lan', '--channel', '14'], 'a channel is 1 to 13'],
    [['ap', 'add', 'x', '--ssid', 's', '--network', 'lan', '--channel', 'six'], 'channel: '],
    [['ap', 'set', 'x', '--passphrase', 'short'], 'a passphrase has 8 to 63 printable ASCII characters'],
    [['ap', 'set', 'x', '--passphrase-file', '/no/such'], '/no/such cannot be read (ENOENT)'],
    [['ap', 'set', 'x', '--open', '--passphrase', 'long enough'], 'cannot be used with'],
    [['ap', 'set', 'x', '--position', '1'], 'a position is [x, y] in metres'],
    [['ap', 'deauth', 'home', 'a1'], 'name a station by its address, or a NIC such as a1/wlan0'],
    [
      ['set-snr', 'alpha/radio0', 'ap/home', 'loud'],
      '"loud" is not understood; write a number of dB, or auto',
    ],
    [['set-snr', 'alpha/radio0', 'ap/home', '101'], 'an SNR is from -50 to 100 dB'],
    [['set-position', 'ap/home', '1'], '"1" is no position; write two numbers of metres, or none'],
    [['set-position', 'ap/home', '1', '2px'], '"2px" is not understood'],
  ])('%j is refused before anything is asked', async (args, words) => {
    const { code, stderr } = await v3('wifi', ...args);
    expect([code, asked]).toEqual([2, []]);
    expect(stderr).toContain(words);
  });

  it('vm create takes Wi-Fi NICs', async () => {
    answer = (_, response) => void response.end('{}');
    const nic = 'radio=radio0,ssid=Zu=hause,passphrase=correct horse,ip=dhcp,mac=02:00:00:00:00:01';
    await v3(
      'vm',
      'create',
      'w1',
      '--host',
      'alpha',
      '--image',
      'debian-wifi',
      '--wifi',
      nic,
      '--wifi',
      'radio=r',
    );
    expect((JSON.parse(body) as { wifi: object }).wifi).toEqual([
      {
        ...{ radio: 'radio0', ssid: 'Zu=hause', passphrase: 'correct horse', ip: 'dhcp' },
        mac: '02:00:00:00:00:01',
      },
      { radio: 'r' },
    ]);
    asked = [];
    for (const [spec, words] of [
      ['radio0', '--wifi: "radio0" is not understood; write radio=radio0'],
      ['ssid=x', '--wifi needs radio=NAME'],
      ['radio=r,passphrase=correct horse', 'wifi[0].passphrase: a passphrase is of an SSID'],
    ] as const) {
      const { code, stderr } = await v3('vm', 'create', 'w1', '--host', 'alpha', '--wifi', spec);
      expect([code, asked]).toEqual([2, []]);
      expect(stderr).toContain(words);
      expect(stderr).not.toContain('horse');
    }
  });
});

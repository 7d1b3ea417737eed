import { Air } from './testing/air.fixture';
import { Guests, identityOf, sh } from './testing/guests.fixture';
import { OpenAccessPoint } from './testing/open-access-point.fixture';
it('measures', async () => {
  const guests = await Guests.prepare('debian-wifi', 2);
  const air = new Air(); const ap = new OpenAccessPoint(air, '06:00:00:00:00:01', 'Home', 1);
  const L = (...x: unknown[]) => process.stderr.write(x.join(' ') + '\n');
  const a = await guests.startAs(0, identityOf(0)); air.add(a);
  const meas = async (what: string, f: () => Promise<unknown>) => {
    const t0 = await a.telemetry(), w = performance.now(); await f(); const t1 = await a.telemetry();
    const n = (t1.instructions - t0.instructions + 2 ** 32) % 2 ** 32;
    L(what, (n / 1e6).toFixed(1) + ' M instr,', ((t1.guestMs - t0.guestMs) / 1e3).toFixed(2), 's guest,', ((performance.now() - w) / 1e3).toFixed(2), 's wall, io', t1.exits.portReads + t1.exits.portWrites - t0.exits.portReads - t0.exits.portWrites);
  };
  await meas('exec true', () => sh(a, 'true'));
  await meas('exec true', () => sh(a, 'true'));
  await meas('nic config', () => a.config.configure(identityOf(0), 200000));
  await meas('wifi without ssid', () => a.config.configure({ ...identityOf(0), wifi: [{ mac: '02:56:4d:00:00:01' }] }, 200000));
  await meas('wpa_supplicant -v', () => sh(a, 'wpa_supplicant -v', 200000));
  await meas('wpa_supplicant -v again', () => sh(a, 'wpa_supplicant -v', 200000));
  await meas('wpa_cli -v', () => sh(a, 'wpa_cli -v', 200000));
  await meas('wpa_cli -v again', () => sh(a, 'wpa_cli -v', 200000));
  await meas('wifi with ssid', () => a.config.configure({ ...identityOf(0), wifi: [{ mac: '02:56:4d:00:00:01', ssid: 'Home' }] }, 200000));
  await meas('until connected', () => sh(a, 'until iw dev wlan0 link | grep -q Connected; do usleep 100000; done', 200000));
  await meas('idle with beacons 10 s', () => new Promise(r => setTimeout(r, 10000)));
  ap.stop();
  await sh(a, 'killall wpa_supplicant; ip link set wlan0 down', 200000);
  await meas('idle without 10 s', () => new Promise(r => setTimeout(r, 10000)));
  await guests.stop();
}, 900000);

import { dashboard, lines, number, orNought, rate, rateBy } from '../builder';

const of = '{antenna=~"$antenna"}';

export const wifi = dashboard({
  uid: 'v3vee-wifi',
  title: 'Wi-Fi',
  description: 'Virtual WiFi: radios that VMs share, access points, stations and the air between them.',
  choose: { antenna: 'v3_wifi_airtime_seconds_total' },
  rows: {
    'At a glance': [
      number(
        'Stations let through',
        'short',
        'At built-in access points',
        'sum(v3_wifi_stations{state="AUTHORIZED"})',
      ),
      number(
        'Air in use',
        'percentunit',
        'Of the chosen antennas together',
        `sum(${rate(`v3_wifi_airtime_seconds_total${of}`)})`,
      ),
      number(
        'Stale messages',
        'short',
        'Of drivers under a host or epoch that is not the VM’s',
        'sum(v3_wifi_stale_total)',
      ),
      number(
        'Malformed',
        'short',
        'Messages of hosts that were no batch',
        'sum(v3_wifi_malformed_batches_total)',
      ),
    ],
    Antennas: [
      lines('Airtime', 'percentunit', 'Of the medium, by antenna', [
        rate(`v3_wifi_airtime_seconds_total${of}`),
        '{{antenna}}',
      ]),
      lines('Frames', 'pps', '802.11 frames', [
        rate(`v3_wifi_frames_total${of}`),
        '{{antenna}} {{direction}}',
      ]),
      lines('Bytes', 'Bps', 'Of these frames', [
        rate(`v3_wifi_bytes_total${of}`),
        '{{antenna}} {{direction}}',
      ]),
      lines('Retries', 'pps', 'Attempts beyond the first', [
        rate(`v3_wifi_retries_total${of}`),
        '{{antenna}}',
      ]),
      lines('Drops', 'pps', 'By reason', [
        orNought(rateBy('antenna, reason', `v3_wifi_dropped_total${of}`)),
        '{{antenna}} {{reason}}',
      ]),
      lines('Channel switches', 'cps', 'Radios whose VMs want several channels take turns', [
        rate('v3_wifi_channel_switches_total'),
        '{{antenna}}',
      ]),
    ],
    Stations: [
      lines('Airtime of stations', 'percentunit', 'Of the medium, by vMAC', [
        rate('v3_wifi_station_airtime_seconds_total'),
        '{{address}}',
      ]),
      lines('Signal', 'dBm', 'Of the latest beacon of its access point', [
        'v3_wifi_station_signal_dbm',
        '{{address}}',
      ]),
      lines('Stations by state', 'short', 'At built-in access points', [
        'v3_wifi_stations',
        '{{access_point}} {{state}}',
      ]),
    ],
  },
});

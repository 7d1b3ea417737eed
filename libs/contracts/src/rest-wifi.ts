/**
 * Virtual WiFi's part of the REST table. `{radio}` is `HOST/RADIO`, percent-encoded. What only the wifi service knows is
 * SERVICE_UNAVAILABLE while it does not answer; what is defined is shown anyway.
 */
import { z } from 'zod';
import * as r from './resources';
import { endpoint, nothing, page, repeatable } from './rest-endpoint';
import * as w from './wifi';
import * as s from './wifi-status';

export const wifiSnrRequest = z.strictObject({
  a: w.antennaId,
  b: w.antennaId,
  snr: w.wifiSnr.nullable().describe('dB, in both directions; null: by position and power again'),
});
export type WifiSnrRequest = z.infer<typeof wifiSnrRequest>;
export const wifiPositionRequest = z.strictObject({ id: w.antennaId, position: w.wifiPositionOrNone });
export type WifiPositionRequest = z.infer<typeof wifiPositionRequest>;
export const deauthenticateRequest = z.strictObject({
  station: z
    .string()
    .toLowerCase()
    .regex(
      /^([0-9a-f]{2}(:[0-9a-f]{2}){5}|[a-z0-9-]+\/wlan[0-3])$/,
      'name a station by its address, or a NIC such as a1/wlan0',
    ),
});

export const wifiEndpoints = {
  listRadios: endpoint({
    method: 'GET',
    path: '/radios',
    summary: 'List the radios of hosts: what they are tuned to, for whom',
    tag: 'wifi',
    access: ['viewer', 'cluster'],
    query: page,
    response: r.list(s.radioView),
    status: 200,
    errors: ['PAGE_TOKEN_INVALID'],
  }),
  getRadio: endpoint({
    method: 'GET',
    path: '/radios/{radio}',
    summary: 'Show a radio with its channel schedule',
    tag: 'wifi',
    access: ['viewer', 'cluster'],
    response: s.radioView,
    status: 200,
    errors: ['RADIO_NOT_FOUND'],
  }),
  listBss: endpoint({
    method: 'GET',
    path: '/radios/{radio}/bss',
    summary: 'List what a radio hears: one BSS for each access point',
    tag: 'wifi',
    access: ['viewer', 'cluster'],
    query: page,
    response: r.list(s.bss),
    status: 200,
    errors: ['RADIO_NOT_FOUND', 'SERVICE_UNAVAILABLE', 'PAGE_TOKEN_INVALID'],
  }),
  listAccessPoints: endpoint({
    method: 'GET',
    path: '/access-points',
    summary: 'List built-in access points, with their stations',
    tag: 'wifi',
    access: ['viewer', 'accessPoint'],
    query: page,
    response: r.list(s.accessPoint),
    status: 200,
    errors: ['PAGE_TOKEN_INVALID'],
  }),
  getAccessPoint: endpoint({
    method: 'GET',
    path: '/access-points/{accessPoint}',
    summary: 'Show an access point',
    tag: 'wifi',
    access: ['viewer', 'accessPoint'],
    response: s.accessPoint,
    status: 200,
    errors: ['ACCESS_POINT_NOT_FOUND'],
  }),
  createAccessPoint: endpoint({
    method: 'POST',
    path: '/access-points',
    summary: 'Add an access point',
    tag: 'wifi',
    access: ['operator', 'cluster'],
    query: repeatable,
    body: w.accessPointSpec,
    response: s.accessPoint,
    status: 201,
    errors: ['ACCESS_POINT_EXISTS', 'NETWORK_NOT_FOUND'],
  }),
  updateAccessPoint: endpoint({
    method: 'PATCH',
    path: '/access-points/{accessPoint}',
    summary: 'Change an access point; its stations are thrown off where it matters to them',
    tag: 'wifi',
    access: ['operator', 'cluster'],
    query: repeatable,
    body: w.accessPointPatch,
    response: s.accessPoint,
    status: 200,
    errors: ['ACCESS_POINT_NOT_FOUND', 'NETWORK_NOT_FOUND'],
  }),
  deleteAccessPoint: endpoint({
    method: 'DELETE',
    path: '/access-points/{accessPoint}',
    summary: 'Delete an access point',
    tag: 'wifi',
    access: ['operator', 'cluster'],
    query: repeatable,
    response: nothing,
    status: 200,
    errors: ['ACCESS_POINT_NOT_FOUND'],
  }),
  deauthenticateStation: endpoint({
    method: 'POST',
    path: '/access-points/{accessPoint}:deauthenticate',
    summary: 'Throw a station off; it may come back',
    tag: 'wifi',
    access: ['operator', 'accessPoint'],
    query: repeatable,
    body: deauthenticateRequest,
    response: nothing,
    status: 200,
    errors: ['ACCESS_POINT_NOT_FOUND', 'STATION_NOT_FOUND', 'SERVICE_UNAVAILABLE'],
  }),
  listStations: endpoint({
    method: 'GET',
    path: '/stations',
    summary: 'List Wi-Fi NICs: what they are connected to, how well, what they did',
    tag: 'wifi',
    access: ['viewer', 'vm'],
    query: page,
    response: r.list(s.station),
    status: 200,
    errors: ['PAGE_TOKEN_INVALID'],
  }),
  listAirtime: endpoint({
    method: 'GET',
    path: '/wifi/airtime',
    summary: 'List what each address took of the medium',
    tag: 'wifi',
    access: ['viewer', 'cluster'],
    query: page,
    response: r.list(s.airtimeEntry),
    status: 200,
    errors: ['SERVICE_UNAVAILABLE', 'PAGE_TOKEN_INVALID'],
  }),
  listWifiLinks: endpoint({
    method: 'GET',
    path: '/wifi/links',
    summary: 'List how strongly each antenna is heard by each other',
    tag: 'wifi',
    access: ['viewer', 'cluster'],
    query: page,
    response: r.list(s.wifiLink),
    status: 200,
    errors: ['SERVICE_UNAVAILABLE', 'PAGE_TOKEN_INVALID'],
  }),
  setWifiSnr: endpoint({
    method: 'POST',
    path: '/wifi/links:setSnr',
    summary: 'Fix the SNR between two antennas, or let it be by position again',
    tag: 'wifi',
    access: ['operator', 'cluster'],
    query: repeatable,
    body: wifiSnrRequest,
    response: wifiSnrRequest,
    status: 200,
    errors: ['RADIO_NOT_FOUND', 'ACCESS_POINT_NOT_FOUND'],
  }),
  setWifiPosition: endpoint({
    method: 'POST',
    path: '/wifi/links:setPosition',
    summary: 'Move an antenna',
    tag: 'wifi',
    access: ['operator', 'cluster'],
    query: repeatable,
    body: wifiPositionRequest,
    response: wifiPositionRequest,
    status: 200,
    errors: ['RADIO_NOT_FOUND', 'ACCESS_POINT_NOT_FOUND'],
  }),
  listWifiEvents: endpoint({
    method: 'GET',
    path: '/wifi/events',
    summary: 'List the latest events at access points, newest first',
    tag: 'wifi',
    access: ['viewer', 'cluster'],
    query: page,
    response: r.list(s.wifiEvent),
    status: 200,
    errors: ['SERVICE_UNAVAILABLE', 'PAGE_TOKEN_INVALID'],
  }),
} as const;

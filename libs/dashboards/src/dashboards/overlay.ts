import { dashboard, lines, number, orNought, rate, rateBy } from '../builder';

export const overlay = dashboard({
  uid: 'v3vee-overlay',
  title: 'Overlay',
  description: 'VNET: the hosts’ forwarding cores, the router, links to the outside, DHCP and DNS.',
  rows: {
    'At a glance': [
      number('NICs', 'short', 'Attached to the overlay', 'sum(v3_vnet_attachments)'),
      number('Stale NICs', 'short', 'Whose address another host holds', 'sum(v3_vnet_attachments_stale)'),
      number('Routes', 'short', 'That users added', 'sum(v3_vnet_routes)'),
      number('Links up', 'short', 'Of those to the outside', 'sum(v3_vnet_link_up)'),
      number('Waiting', 'short', 'Frames and queries that wait for a NIC', 'sum(v3_vnet_router_waiting)'),
      number(
        'Cache hits',
        'percentunit',
        'Frames whose route was cached, on all hosts',
        'cluster:v3_overlay_cache_hits:ratio_rate1m',
      ),
    ],
    'Forwarding cores': [
      lines(
        'Frames',
        'pps',
        'Into and out of each host’s core',
        [rate('v3_overlay_receive_frames_total'), '{{host}} in'],
        [rate('v3_overlay_transmit_frames_total'), '{{host}} out'],
      ),
      lines(
        'Bytes',
        'Bps',
        'Into and out of each host’s core',
        [rate('v3_overlay_receive_bytes_total'), '{{host}} in'],
        [rate('v3_overlay_transmit_bytes_total'), '{{host}} out'],
      ),
      lines(
        'Route cache',
        'pps',
        'Frames whose route was cached, and that went to the router',
        [rate('v3_overlay_route_cache_hits_total'), '{{host}} hits'],
        [rate('v3_overlay_route_cache_misses_total'), '{{host}} misses'],
      ),
      lines('Drops', 'pps', 'Frames dropped, by reason', [
        rateBy('host, reason', 'v3_overlay_frames_dropped_total'),
        '{{host}} {{reason}}',
      ]),
    ],
    Router: [
      lines(
        'Router',
        'ops',
        'What hosts asked it for',
        [rate('v3_vnet_router_misses_total'), 'frames without a route'],
        [rate('v3_vnet_router_frames_forwarded_total'), 'frames sent on'],
        [rate('v3_vnet_router_queries_total'), 'queries'],
        [rate('v3_vnet_router_announcements_total'), 'announcements'],
      ),
      lines('Router’s drops', 'pps', 'By reason', [
        rateBy('reason', 'v3_vnet_router_dropped_total'),
        '{{reason}}',
      ]),
    ],
    'Links and services': [
      lines('Link frames', 'pps', 'On the wire', [
        rate('v3_vnet_link_frames_total'),
        '{{link}} {{direction}}',
      ]),
      lines('Link bytes', 'Bps', 'On the wire', [rate('v3_vnet_link_bytes_total'), '{{link}} {{direction}}']),
      lines('Link drops', 'pps', 'By reason', [
        orNought(rateBy('link, reason', 'v3_vnet_link_dropped_total')),
        '{{link}} {{reason}}',
      ]),
      lines('DHCP and DNS', 'pps', 'Frames of the networks’ services, by what became of them', [
        rate('v3_vnet_service_frames_total'),
        '{{network}} {{kind}}',
      ]),
    ],
  },
});

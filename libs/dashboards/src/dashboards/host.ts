import { dashboard, lines, number, orNought, quantile, rate, rateBy } from '../builder';

const of = '{host=~"$host"}';
const where = (selector: string) => `{host=~"$host", ${selector}}`;

export const host = dashboard({
  uid: 'v3vee-host',
  title: 'Host',
  description: 'An emulated host: its kernel (Kitten), its VMM (Palacios) and its part of the overlay.',
  choose: { host: 'v3_kitten_cores' },
  rows: {
    Kitten: [
      number(
        'Memory in use',
        'percentunit',
        'Of the physical memory',
        `avg(host:v3_kitten_memory_used:ratio${of})`,
      ),
      number('Cores free', 'short', '', `sum(v3_kitten_cores${where('state="free"')})`),
      number(
        'Largest hole',
        'bytes',
        'The most that one guest could get',
        `max(v3_kitten_memory_largest_hole_bytes${of})`,
      ),
      number(
        'Claimed',
        'short',
        'Hosts whose Palacios said what its guests hold',
        `sum(v3_kitten_claimed${of})`,
      ),
      number('Leases', 'short', 'Hosts that may run VMs', `sum(v3_palacios_lease_held${of})`),
      number(
        'Status behind',
        'short',
        'VMs whose newest status is not durable yet',
        `sum(v3_palacios_status_behind${of})`,
      ),
      lines('Memory by type', 'bytes', 'Physical memory by type and state', [
        `sum by (host, type, state) (v3_kitten_memory_bytes${of})`,
        '{{host}} {{type}} {{state}}',
      ]),
      lines('Memory by owner', 'bytes', 'Physical memory by what has it', [
        `sum by (host, owner) (v3_kitten_owned_bytes${of})`,
        '{{host}} {{owner}}',
      ]),
      lines('Cores', 'short', 'Cores by state', [`v3_kitten_cores${of}`, '{{host}} {{state}}']),
      lines('Core time', 'short', 'Cores that tasks of a kind had', [
        rate(`v3_kitten_core_seconds_total${of}`),
        '{{host}} {{kind}}',
      ]),
      lines('Context switches', 'cps', 'Times that a core went to another task', [
        rate(`v3_kitten_context_switches_total${of}`),
        '{{host}}',
      ]),
      lines('Run queues', 'short', 'Tasks that want a core', [
        `v3_kitten_run_queue_length${of}`,
        '{{host}} core {{core}}',
      ]),
      lines('Refusals', 'ops', 'What Kitten turned down, by error', [
        orNought(rateBy('host, code', `v3_kitten_refusals_total${of}`)),
        '{{host}} {{code}}',
      ]),
    ],
    Palacios: [
      lines('Guest CPU', 'short', 'Cores busy with guest code', [
        `host:v3_guest_cpu:rate1m${of}`,
        '{{host}}',
      ]),
      lines('Verbs', 's', 'How long verbs took', [
        quantile(0.95, 'v3_palacios_verb_duration_seconds', of, 'verb'),
        '{{verb}} p95',
      ]),
      lines('Event-loop lag', 's', '99th percentile of the host’s services', [
        `nodejs_eventloop_lag_p99_seconds${of}`,
        '{{host}} {{service}}',
      ]),
    ],
    'Overlay of the host': [
      lines(
        'Frames',
        'pps',
        'Into and out of the forwarding core',
        [rate(`v3_overlay_receive_frames_total${of}`), '{{host}} in'],
        [rate(`v3_overlay_transmit_frames_total${of}`), '{{host}} out'],
      ),
      lines('Route cache hits', 'percentunit', 'Frames whose route was cached', [
        `host:v3_overlay_cache_hits:ratio_rate1m${of}`,
        '{{host}}',
      ]),
      lines('Drops', 'pps', 'Frames that the forwarding core dropped, by reason', [
        rateBy('host, reason', `v3_overlay_frames_dropped_total${of}`),
        '{{host}} {{reason}}',
      ]),
    ],
  },
});

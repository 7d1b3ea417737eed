import { dashboard, lines, number, orNought, quantile, rate, rateBy } from '../builder';

export const cluster = dashboard({
  uid: 'v3vee-cluster',
  title: 'Cluster',
  description: 'Hosts, virtual machines and services of the cluster at a glance.',
  rows: {
    'At a glance': [
      number('Hosts with a lease', 'short', 'Hosts that may run VMs', 'sum(v3_palacios_lease_held)'),
      number('VMs running', 'short', 'In state RUNNING', 'sum(v3_vms{state="RUNNING"})'),
      number('VMs in error', 'short', 'In state ERROR', 'sum(v3_vms{state="ERROR"})'),
      number('Services up', 'short', 'That Prometheus could scrape', 'sum(up{job="v3vee"})'),
      number(
        'Firing alerts',
        'short',
        'Of infra/prometheus/rules',
        orNought('sum(ALERTS{alertstate="firing"})'),
      ),
      number('Cores busy', 'percentunit', 'Of all cores of all hosts', 'cluster:v3_guest_cpu:ratio_rate1m'),
    ],
    'Virtual machines': [
      lines('VMs by state', 'short', 'As the gateway knows them', ['v3_vms', '{{state}}']),
      lines('Guest CPU', 'short', 'Cores busy with guest code, by host', [
        'host:v3_guest_cpu:rate1m',
        '{{host}}',
      ]),
      lines(
        'Traffic of guests',
        'Bps',
        'Bytes at all network cards of guests, by host',
        [rateBy('host', 'v3_vm_network_receive_bytes_total'), '{{host}} receive'],
        [rateBy('host', 'v3_vm_network_transmit_bytes_total'), '{{host}} transmit'],
      ),
    ],
    Interface: [
      lines('Requests', 'reqps', 'REST requests by status', [
        rateBy('status', 'v3_http_request_duration_seconds_count'),
        '{{status}}',
      ]),
      lines('Request latency', 's', 'Of REST requests', [
        quantile(0.95, 'v3_http_request_duration_seconds'),
        'p95',
      ]),
      lines('Operations', 'ops', 'Ended operations by verb and result', [
        rateBy('verb, result', 'v3_operations_total'),
        '{{verb}} {{result}}',
      ]),
    ],
    Services: [
      lines('Event-loop lag', 's', 'How late timers of a service were, 99th percentile', [
        'nodejs_eventloop_lag_p99_seconds',
        '{{service}} {{host}}',
      ]),
      lines('CPU', 'short', 'Cores of this machine that a service keeps busy', [
        rate('process_cpu_seconds_total'),
        '{{service}} {{host}}',
      ]),
      lines('Memory', 'bytes', 'Resident memory of a service', [
        'process_resident_memory_bytes',
        '{{service}} {{host}}',
      ]),
    ],
  },
});

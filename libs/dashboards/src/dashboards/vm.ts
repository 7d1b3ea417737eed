import { dashboard, lines, number, orNought, quantile, rate, rateBy } from '../builder';

const of = '{host=~"$host", vm=~"$vm"}';
const where = (selector: string) => `{host=~"$host", vm=~"$vm", ${selector}}`;

export const vm = dashboard({
  uid: 'v3vee-vm',
  title: 'VM',
  description: 'A virtual machine: its core, its exits, its disks and its network cards.',
  choose: { host: 'v3_vm_info', vm: 'v3_vm_info' },
  rows: {
    State: [
      number('VMs', 'short', 'That are chosen', `count(v3_vm_info${of})`),
      number('Running', 'short', 'Of them', `sum(v3_vm_state${where('state="RUNNING"')})`),
      number('Memory', 'bytes', 'That their guests have', `sum(v3_vm_memory_bytes${of})`),
      number('Given back', 'bytes', 'Of it, by balloons', `sum(v3_vm_memory_balloon_bytes${of})`),
      number(
        'Interrupts stuck',
        'short',
        'More than nought: lines are dead',
        `sum(v3_vm_interrupts_stuck_total${of})`,
      ),
      number('Epoch', 'short', 'Grows with each change of the owner', `max(v3_vm_epoch${of})`),
    ],
    Core: [
      lines('Core time', 'short', 'In guest code and halted', [
        rate(`v3_vm_vcpu_seconds_total${of}`),
        '{{vm}} {{state}}',
      ]),
      lines('Instructions', 'ops', 'Guest instructions', [rate(`v3_vm_instructions_total${of}`), '{{vm}}']),
      lines('Yields', 'ops', 'What the core did when its guest had nothing to do', [
        rate(`v3_vm_yields_total${of}`),
        '{{vm}} {{kind}}',
      ]),
    ],
    Exits: [
      lines('Exits', 'ops', 'By kind', [rateBy('vm, kind', `v3_vm_exits_total${of}`), '{{vm}} {{kind}}']),
      lines(
        'Port I/O',
        'ops',
        'Hooked: a device answered; unhooked: nobody did, and the guest read all ones',
        [rateBy('vm', `v3_vm_exits_total${where('kind=~"io-.*"')}`), '{{vm}} all'],
        [rateBy('vm', `v3_vm_exits_total${where('kind="unhooked"')}`), '{{vm}} unhooked'],
      ),
      lines('Cost of an exit', 's', 'Mean, of a sample', [
        `${rateBy('kind', `v3_vm_exit_cost_seconds_sum${of}`)} / ${rateBy('kind', `v3_vm_exit_cost_seconds_count${of}`)}`,
        '{{kind}}',
      ]),
      lines('Dear exits', 's', 'What handling them took, 99th percentile of a sample', [
        quantile(0.99, 'v3_vm_exit_cost_seconds', of, 'vm'),
        '{{vm}}',
      ]),
      lines('Hypercalls', 'ops', 'By number', [
        orNought(rateBy('vm, call', `v3_vm_hypercalls_total${of}`)),
        '{{vm}} {{call}}',
      ]),
    ],
    Storage: [
      lines(
        'Bytes of disks',
        'Bps',
        'Of each disk',
        [rate(`v3_vm_storage_read_traffic_bytes_total${of}`), '{{vm}} {{drive}} read'],
        [rate(`v3_vm_storage_write_traffic_bytes_total${of}`), '{{vm}} {{drive}} written'],
      ),
      lines(
        'Requests',
        'iops',
        'Of each disk; flushed: made durable',
        [rate(`v3_vm_storage_iops_read_total${of}`), '{{vm}} {{drive}} reads'],
        [rate(`v3_vm_storage_iops_write_total${of}`), '{{vm}} {{drive}} writes'],
        [rate(`v3_vm_storage_flush_requests_total${of}`), '{{vm}} {{drive}} flushed'],
      ),
      lines(
        'Trouble',
        'ops',
        'Requests answered with an error, and times that a disk stood still: its host had no room',
        [rate(`v3_vm_storage_refused_requests_total${of}`), '{{vm}} {{drive}} refused'],
        [rate(`v3_vm_storage_stalls_total${of}`), '{{vm}} {{drive}} stalls'],
      ),
    ],
    Network: [
      lines(
        'Bytes',
        'Bps',
        'Of each card',
        [rate(`v3_vm_network_receive_bytes_total${of}`), '{{vm}} {{interface}} receive'],
        [rate(`v3_vm_network_transmit_bytes_total${of}`), '{{vm}} {{interface}} transmit'],
      ),
      lines(
        'Frames',
        'pps',
        'Of each card',
        [rate(`v3_vm_network_receive_packets_total${of}`), '{{vm}} {{interface}} receive'],
        [rate(`v3_vm_network_transmit_packets_total${of}`), '{{vm}} {{interface}} transmit'],
      ),
      lines('Drops', 'pps', 'Frames that a card dropped, by reason', [
        rateBy('vm, reason', `v3_vm_network_packets_dropped_total${of}`),
        '{{vm}} {{reason}}',
      ]),
      lines(
        'Dispatch',
        'ops',
        'How frames got past the rings: kicks and interrupts are exits, polls are not',
        [rateBy('vm', `v3_vm_network_kicks_total${of}`), '{{vm}} kicks'],
        [rateBy('vm', `v3_vm_network_interrupts_total${of}`), '{{vm}} interrupts'],
        [rateBy('vm', `v3_vm_network_polls_total${of}`), '{{vm}} polls'],
        [rateBy('vm', `v3_vm_network_dispatch_switches_total${of}`), '{{vm}} switches'],
      ),
    ],
  },
});

import { dashboard, lines, number, orNought, quantile, rate, rateBy } from '../builder';

const of = '{device=~"$device"}';

export const vpio = dashboard({
  uid: 'v3vee-vpio',
  title: 'VPIO',
  description:
    'Physical cards that guests share: accesses by class, exits, switches, DMA; and the DMM that decides.',
  choose: { device: 'v3_vpio_exits_total' },
  rows: {
    'At a glance': [
      number(
        'Hooked accesses',
        'percentunit',
        'Of all accesses those that are not open',
        `avg(device:v3_vpio_hooked:ratio_rate1m${of})`,
      ),
      number('Violations', 'short', 'DMA that the DMM denied', orNought(`sum(v3_dmm_violations_total${of})`)),
      number('DMA stopped', 'short', 'By the guard', `sum(v3_vpio_dma_denied_total${of})`),
      number('Waiting guests', 'short', 'For a card', orNought(`sum(v3_dmm_waiting${of})`)),
      number('Contexts waiting', 'short', 'That are not durable yet', 'sum(v3_dmm_contexts_waiting)'),
      number(
        'Records lost',
        'short',
        'That could not be written',
        orNought('sum(v3_dmm_records_lost_total)'),
      ),
    ],
    Accesses: [
      lines('Accesses', 'ops', 'To registers, by class: open ones cost nothing', [
        rateBy('device, class', `v3_vpio_accesses_total${of}`),
        '{{device}} {{class}}',
      ]),
      lines('Exits', 'ops', 'Times that a guest stood still until the DMM had decided', [
        rate(`v3_vpio_exits_total${of}`),
        '{{device}}',
      ]),
      lines('Length of an exit', 's', 'Mean', [
        `${rate(`v3_vpio_exit_seconds_total${of}`)} / ${rate(`v3_vpio_exits_total${of}`)}`,
        '{{device}}',
      ]),
      lines('Verdicts', 'ops', 'Of the DMM about exits', [
        rateBy('device, verdict', `v3_dmm_exits_total${of}`),
        '{{device}} {{verdict}}',
      ]),
      lines('Interrupts', 'ops', 'Of a card', [rate(`v3_vpio_interrupts_total${of}`), '{{device}}']),
    ],
    Switches: [
      lines('Switches', 'ops', 'Times that a card went to another guest', [
        rate(`v3_vpio_switches_total${of}`),
        '{{device}}',
      ]),
      lines('Length of a switch', 's', 'From the DMM’s decision until the next guest has the card', [
        quantile(0.95, 'v3_dmm_switch_seconds', of, 'device'),
        '{{device}} p95',
      ]),
      lines('Length at the host', 's', 'From the callback until the next guest had the card, mean', [
        `${rate(`v3_vpio_switch_seconds_total${of}`)} / ${rate(`v3_vpio_switches_total${of}`)}`,
        '{{device}}',
      ]),
      lines(
        'Trouble',
        'ops',
        'Switches that were forced or failed, and what came too late',
        [rate(`v3_vpio_switches_forced_total${of}`), '{{device}} forced at the host'],
        [orNought(`sum(${rate(`v3_dmm_switches_forced_total${of}`)})`), 'forced'],
        [orNought(`sum(${rate(`v3_dmm_switches_failed_total${of}`)})`), 'failed'],
        [orNought(`sum(${rate(`v3_dmm_stale_exits_total${of}`)})`), 'stale exits'],
        [rate('v3_dmm_stale_epochs_total'), 'stale epochs'],
      ),
    ],
    Frames: [
      lines('Frames', 'pps', 'That guests sent and got', [
        rate(`v3_vpio_frames_total${of}`),
        '{{device}} {{direction}}',
      ]),
      lines('Held', 'short', 'Frames that wait for guests without the card', [
        `v3_vpio_frames_held${of}`,
        '{{device}}',
      ]),
      lines('Drops', 'pps', 'By reason', [
        rate(`v3_vpio_frames_dropped_total${of}`),
        '{{device}} {{reason}}',
      ]),
    ],
  },
});

import { dashboard, lines, number, orNought, quantile, rate, rateBy } from '../builder';

export const migration = dashboard({
  uid: 'v3vee-migration',
  title: 'Migration and saved states',
  description: 'Live migrations, fail-overs, and the store of snapshots and checkpoints.',
  rows: {
    'At a glance': [
      number('Under way', 'short', 'Migrations', 'sum(v3_vm_migrations)'),
      number('Completed', 'short', 'Migrations', 'sum(v3_vm_migrations_total{result="COMPLETED"})'),
      number('Failed', 'short', 'Migrations', 'sum(v3_vm_migrations_total{result="FAILED"})'),
      number(
        'Fail-overs',
        'short',
        'VMs started elsewhere',
        orNought('sum(v3_operations_total{verb="failover"})'),
      ),
      number('Saved states', 'short', 'Snapshots and checkpoints', 'max(v3_page_store_states)'),
      number(
        'Deduplication',
        'short',
        'Bytes of all states per byte of different pages',
        'max(v3_page_store_dedup_ratio)',
      ),
    ],
    Migrations: [
      lines('Under way by phase', 'short', '', ['v3_vm_migrations', '{{phase}}']),
      lines('Ended by result', 'ops', '', [rateBy('result', 'v3_vm_migrations_total'), '{{result}}']),
      lines('Downtime', 's', 'How long guests stood still', [
        quantile(0.95, 'v3_vm_migration_downtime_seconds'),
        'p95',
      ]),
      lines('Time to a phase', 's', 'From the creation of a migration, median', [
        quantile(0.5, 'v3_vm_migration_phase_transition_time_from_creation_seconds', '', 'phase'),
        '{{phase}}',
      ]),
      lines(
        'Memory on its way',
        'bytes',
        'Of guests that move, and that moved in the last ten minutes',
        ['v3_vm_migration_data_processed_bytes', '{{vm}} sent'],
        ['v3_vm_migration_data_remaining_bytes', '{{vm}} remaining'],
        ['v3_vm_migration_data_total_bytes', '{{vm}} in all'],
      ),
      lines('Dirty memory', 'Bps', 'Changed by the guest in the last round', [
        'v3_vm_migration_dirty_memory_rate_bytes',
        '{{vm}}',
      ]),
      lines(
        'Rounds',
        'short',
        'Of pre-copy',
        ['v3_vm_migration_rounds', '{{vm}}'],
        [quantile(0.95, 'v3_vm_migration_precopy_rounds'), 'p95 of all'],
      ),
      lines('Sent', 'Bps', 'By migrations that ended', [rate('v3_vm_migration_sent_bytes_total'), 'bytes']),
    ],
    'Saved states': [
      lines(
        'Size of the store',
        'bytes',
        'On disk, and of all states each by itself',
        ['max(v3_page_store_stored_bytes)', 'on disk'],
        ['max(v3_page_store_logical_bytes)', 'of all states'],
        ['max(v3_page_store_quota_bytes)', 'quota (0: none)'],
      ),
      lines('Pages', 'short', 'Different ones', ['max(v3_page_store_pages)', 'pages']),
      lines(
        'Pages saved',
        'ops',
        'By each host: new ones, and those that were there already',
        [rate('v3_page_store_written_pages_total'), '{{host}} new'],
        [rate('v3_page_store_known_pages_total'), '{{host}} known'],
      ),
      lines('States saved', 'ops', 'By each host', [rate('v3_page_store_written_states_total'), '{{host}}']),
      lines('Growth', 'Bps', 'Bytes by which each host made the store grow', [
        rate('v3_page_store_written_bytes_total'),
        '{{host}}',
      ]),
      lines('Pauses', 'percentunit', 'Share of the time that guests stood still to be saved', [
        rate('v3_page_store_pause_seconds_total'),
        '{{host}}',
      ]),
      lines('Freed', 'Bps', 'By collections, which each host makes', [
        rate('v3_page_store_freed_bytes_total'),
        '{{host}}',
      ]),
      lines('Collections', 'ops', 'Of what no state needs', [
        rate('v3_page_store_collections_total'),
        '{{host}}',
      ]),
    ],
  },
});

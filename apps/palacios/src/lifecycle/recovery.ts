import type { StatusRecord } from './ports';

/** What a Palacios that starts does with a VM that an earlier one left behind. */
export type Recovery = 'nothing' | 'resume' | 'restart';

/**
 * | the row says | what happened | what follows |
 * |---|---|---|
 * | a state was saved, and it is to run or to be paused | orderly shut-down, or a resumption that failed | resume |
 * | to run or to be paused, no saved state, not ERROR | that Palacios was killed, maybe half way into a verb | restart |
 * | anything else | stopped, or failed and reported | nothing |
 *
 * @param record the row as the store has it; none: the VM never ran
 * @param incarnation of the Palacios that starts
 */
export function planRecovery(
  record: Pick<StatusRecord, 'incarnation' | 'resumeState' | 'desired' | 'state'> | undefined,
  incarnation: string,
): Recovery {
  if (!record || record.incarnation === incarnation) return 'nothing';
  if (record.desired === 'stopped') return 'nothing';
  if (record.resumeState) return 'resume';
  return record.state === 'ERROR' ? 'nothing' : 'restart';
}

/** What a row of an earlier epoch, that is another host's, says of a VM here: nothing of it runs. */
export function inherited(record: StatusRecord, epoch: number): StatusRecord {
  if (record.epoch >= epoch) return record;
  const reason = `was ${record.state} on ${record.host}`;
  return { ...record, state: 'STOPPED', reason, agent: false, ips: [], startedAt: null };
}

/**
 * Whether an earlier Palacios may have been moving the VM when it was killed, so that the host it was going to may still
 * take it: only what runs or stands still moves, and a row that says so is written before.
 */
export function mayBeHandedOver(
  record: Pick<StatusRecord, 'incarnation' | 'state'> | undefined,
  incarnation: string,
): boolean {
  return (
    record !== undefined &&
    record.incarnation !== incarnation &&
    (record.state === 'RUNNING' || record.state === 'PAUSED')
  );
}

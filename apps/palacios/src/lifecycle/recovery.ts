import type { FailoverPolicy } from '@v3vee/contracts';
import type { StatusRecord } from './ports';

/** What a Palacios that starts does with a VM that an earlier one left behind. */
export type Recovery = 'nothing' | 'resume' | 'restart' | 'yield';

/**
 * | the row says | what happened | what follows |
 * |---|---|---|
 * | a state was saved, and it is to run or to be paused | orderly shut-down, or a resumption that failed | resume |
 * | to run or to be paused, no saved state, not ERROR | that Palacios was killed, maybe half way into a verb | restart; yield, if it has a policy |
 * | anything else | stopped, or failed and reported | nothing |
 *
 * Yield: a host whose VMM crashed is suspect. The gateway makes another host its owner, or this one anew if none can take
 * it. At the epoch of a row that is another incarnation's nothing runs here: that is what lets the gateway take it.
 *
 * @param record the row as the store has it; none: the VM never ran
 * @param incarnation of the Palacios that starts
 */
export function planRecovery(
  record: Pick<StatusRecord, 'incarnation' | 'resumeState' | 'desired' | 'state'> | undefined,
  incarnation: string,
  failover: FailoverPolicy,
): Recovery {
  if (!record || record.incarnation === incarnation) return 'nothing';
  if (record.desired === 'stopped') return 'nothing';
  if (record.resumeState) return 'resume';
  if (record.state === 'ERROR') return 'nothing';
  return failover === 'none' ? 'restart' : 'yield';
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

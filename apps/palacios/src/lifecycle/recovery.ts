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

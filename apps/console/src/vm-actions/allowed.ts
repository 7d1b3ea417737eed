import type { VmState, VmVerb } from '@v3vee/contracts';
import { verbStates } from 'virtual:contract';

/** Whether the published table lets a verb be done in a state. */
export const isAllowed = (verb: VmVerb, state: VmState): boolean =>
  (verbStates[verb] as readonly VmState[]).includes(state);

export const whyNot = (verb: VmVerb, state: VmState): string =>
  `It is ${state}; this needs it to be ${verbStates[verb].join(' or ')}`;

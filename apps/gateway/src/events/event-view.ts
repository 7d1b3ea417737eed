import type { Event } from '@v3vee/contracts';
import type { EventEntity } from '@v3vee/store';

export const eventView = ({ id, at, kind, name, vm, before, state, reason }: EventEntity): Event => ({
  resourceVersion: id,
  at: at.toISOString(),
  kind,
  name,
  vm,
  before,
  state,
  reason,
});

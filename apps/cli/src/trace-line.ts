import type { TraceEvent } from '@v3vee/contracts';
import { formatClock, formatHex } from './terminal/quantities';
import { clean } from './terminal/table';

/** `14:03:07.123456 a1 write ISR 0x0005 open acknowledge`, in columns. Values have the width of their access. */
export function formatEvent({
  atUs,
  vm,
  event,
  register,
  size,
  value,
  class: kind,
  detail,
}: TraceEvent): string {
  const text = value === null ? '-' : formatHex(value, size ?? 1);
  return [
    formatClock(atUs),
    clean(vm).padEnd(8),
    event.padEnd('interrupt'.length),
    (clean(register) || '-').padEnd(10),
    text.padEnd('0x00000000'.length),
    (kind ?? '-').padEnd('shadow'.length),
    clean(detail),
  ]
    .join(' ')
    .trimEnd();
}

import { EventTable } from '../../events/event-table';
import type { VmTabProps } from '../tabs';

export function EventsTab({ vm }: VmTabProps) {
  return <EventTable vm={vm.name} isOfVm />;
}

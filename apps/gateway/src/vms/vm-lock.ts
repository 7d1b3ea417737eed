import type { Lock } from '../operations/operations.service';

/** What an operation holds while it works on a VM. */
export const lockOf = ({ id, name }: { id: string; name: string }): Lock => ({ resource: `vms/${id}`, name });

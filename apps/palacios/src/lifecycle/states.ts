/**
 * The life of a VM in Palacios's states (palacios/include/palacios/vm.h).
 *
 *                      start, restore                      pause
 *     ┌─────────┐ ──────────────────────▶ ┌─────────┐ ────────────▶ ┌────────┐
 *     │ STOPPED │                         │ RUNNING │               │ PAUSED │
 *     └─────────┘ ◀────────────────────── └─────────┘ ◀──────────── └────────┘
 *       │  ▲  ▲     stop, power-off by       │    ▲       resume      │   │
 *       │  │  │     the guest, save at       │    │                   │   │
 *       │  │  │     shut-down                │    │ new machine runs  │   │
 *       │  │  │                       reset, │    │                   │   │
 *       │  │  │                     restore, │  ┌───────────┐  reset, │   │
 *       │  │  │              guest's reboot  └─▶│ RESETTING │◀────────┘   │
 *       │  │  │                                 └───────────┘ restore     │
 *       │  │  └─────────────── stop, save at shut-down ─────┼─────────────┘
 *       │  │ stop, before          ┌───────┐                │
 *       │  └─────── start ──────── │ ERROR │ ◀──────────────┘  from every state: the guest failed stop, its
 *       └────────────────────────▶ └───────┘                   worker died or did not answer, Palacios was
 *                                                              killed, a saved state could not be restored
 *
 * RESETTING is the time between two machines of one VM. SIMULATING: a paused guest runs for some ms of guest time; it is
 * PAUSED again afterwards, unless it ends meanwhile as a running one may. A VM that was paused when its Palacios went goes
 * from STOPPED or RESETTING to PAUSED when it is brought back.
 */
import { V3Error, type VmState } from '@v3vee/contracts';

const transitions: Record<VmState, readonly VmState[]> = {
  STOPPED: ['RUNNING', 'PAUSED', 'ERROR'],
  RUNNING: ['PAUSED', 'STOPPED', 'RESETTING', 'ERROR'],
  PAUSED: ['RUNNING', 'SIMULATING', 'STOPPED', 'RESETTING', 'ERROR'],
  RESETTING: ['RUNNING', 'PAUSED', 'STOPPED', 'ERROR'],
  ERROR: ['STOPPED', 'RESETTING'],
  SIMULATING: ['PAUSED', 'STOPPED', 'RESETTING', 'ERROR'],
};

/** A change of the reason alone (same state) is always allowed. */
export function mayMove(from: VmState, to: VmState): boolean {
  return from === to || transitions[from].includes(to);
}

/** @throws V3Error VM_WRONG_STATE naming the states that allow it */
export function requireState(
  vm: { name: string; state: VmState; reason: string },
  what: string,
  allowed: readonly VmState[],
): void {
  if (allowed.includes(vm.state)) return;
  const because = vm.reason ? ` (${vm.reason})` : '';
  throw new V3Error(
    'VM_WRONG_STATE',
    `VM ${vm.name} is ${vm.state}${because}; ${what} needs it ${allowed.join(' or ')}`,
  );
}

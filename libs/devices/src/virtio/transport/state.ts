import { DeviceFault, type DeviceState } from '../../platform';
import type { VirtqueueState } from '../queue';

export const TRANSPORT_STATE_VERSION = 1;

/** Saved registers of the transport, its queues and the device behind it. */
export interface TransportState extends DeviceState {
  /** Device type, so that a console's state is not given to a NIC. */
  type: number;
  accepted: bigint;
  status: number;
  isr: number;
  generation: number;
  /** Device feature, driver feature and queue selectors. */
  selects: [number, number, number];
  queues: VirtqueueState[];
  device: DeviceState;
}

/** Checks a state that comes from a file or another host; the queues check their own addresses. */
export function checkTransportState(
  name: string,
  saved: unknown,
  type: number,
  queueCounts: readonly number[],
  offered: bigint,
): TransportState {
  const state = saved as Partial<TransportState> | null | undefined;
  const refuse = (what: string) => new DeviceFault(name, `saved state refused: ${what}`);
  if (typeof state !== 'object' || state === null) throw refuse('it is not an object');
  if (state.version !== TRANSPORT_STATE_VERSION) {
    throw refuse(`version ${String(state.version)}, this transport reads ${TRANSPORT_STATE_VERSION}`);
  }
  if (state.type !== type) throw refuse(`it is of device type ${String(state.type)}, this one is ${type}`);
  if (typeof state.accepted !== 'bigint' || (state.accepted & ~offered) !== 0n) {
    throw refuse('it has features that this device does not offer');
  }
  const numbers = [state.status, state.isr, state.generation, ...(state.selects ?? [])];
  if (state.selects?.length !== 3 || !numbers.every(isCount)) throw refuse('its registers are not numbers');
  if (!Array.isArray(state.queues) || !queueCounts.includes(state.queues.length))
    throw refuse(`it does not have ${queueCounts.join(' or ')} queues`);
  for (const queue of state.queues) {
    const { enabled, ...rest } = queue;
    if (typeof enabled !== 'boolean' || !Object.values(rest).every(isCount))
      throw refuse('a queue is damaged');
  }
  if (typeof state.device !== 'object' || state.device === null) throw refuse('the device part is missing');
  return state as TransportState;
}

const isCount = (value: unknown): boolean =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0;

import { DeviceFault, type DeviceState } from '../../platform';

export const NET_STATE_VERSION = 1;

export interface NetState extends DeviceState {
  /** Six bytes. */
  mac: Uint8Array;
  link: number;
  /** Negotiated features of the network device. */
  accepted: bigint;
  /** Frames that had arrived but had not found a receive buffer. */
  backlog: Uint8Array[];
}

export function checkNetState(name: string, saved: unknown): NetState {
  const state = saved as Partial<NetState>;
  const valid =
    state.version === NET_STATE_VERSION &&
    state.mac instanceof Uint8Array &&
    state.mac.length === 6 &&
    typeof state.link === 'number' &&
    typeof state.accepted === 'bigint' &&
    Array.isArray(state.backlog) &&
    state.backlog.every(frame => frame instanceof Uint8Array);
  if (!valid)
    throw new DeviceFault(name, 'saved state refused: it is not a version 1 state of a network card');
  return state as NetState;
}

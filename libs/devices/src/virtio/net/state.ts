import { DeviceFault, type DeviceState } from '../../platform';
import { isFilterState, type ReceiveFilterState } from './filter';

export const NET_STATE_VERSION = 2;

export interface NetState extends DeviceState {
  /** Six bytes: the address in force, and the one that the NIC was given. */
  mac: Uint8Array;
  identity: Uint8Array;
  /** 1 while the link is up. */
  link: number;
  /** The guest was asked to announce itself and has not said that it did. */
  announce: boolean;
  /** Negotiated features of the network device. */
  accepted: bigint;
  /** Frames that had arrived but had not found a receive buffer. */
  backlog: Uint8Array[];
  filter: ReceiveFilterState | undefined;
  /** Buffers were used of which the driver has not been told yet. */
  owed: boolean;
}

/**
 * Checks a state from outside. Version 1, of a card without a control queue, is read too: there the driver knows
 * nothing of filters.
 */
export function checkNetState(name: string, saved: unknown): NetState {
  const state = saved as Partial<NetState>;
  const { version } = state;
  if (version !== 1 && version !== NET_STATE_VERSION) {
    throw new DeviceFault(
      name,
      `saved state refused: it is of version ${String(version)}, this network card reads 1 and ${NET_STATE_VERSION}`,
    );
  }
  const current: Partial<NetState> =
    version === 1
      ? { ...state, identity: state.mac, announce: false, filter: undefined, owed: false }
      : state;
  const valid =
    isMac(current.mac) &&
    isMac(current.identity) &&
    typeof current.link === 'number' &&
    typeof current.announce === 'boolean' &&
    typeof current.accepted === 'bigint' &&
    Array.isArray(current.backlog) &&
    current.backlog.every(frame => frame instanceof Uint8Array) &&
    (current.filter === undefined || isFilterState(current.filter)) &&
    typeof current.owed === 'boolean';
  if (!valid)
    throw new DeviceFault(
      name,
      `saved state refused: it is not a version ${version} state of a network card`,
    );
  return current as NetState;
}

const isMac = (mac: unknown): boolean => mac instanceof Uint8Array && mac.length === 6;

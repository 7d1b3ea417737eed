import { DeviceFault, type DeviceState } from '../../platform';

export const CONSOLE_STATE_VERSION = 1;

export interface ConsoleState extends DeviceState {
  /** Port names, in order. */
  names: string[];
  /** Whether the guest has each port open. */
  open: boolean[];
  /** Host input that has not reached the guest. */
  input: Uint8Array[];
  /** Control messages that have not reached the guest. */
  control: Uint8Array[];
}

export function checkConsoleState(name: string, saved: unknown, names: readonly string[]): ConsoleState {
  const state = saved as Partial<ConsoleState>;
  const bytes = (list: unknown): list is Uint8Array[] =>
    Array.isArray(list) && list.every(b => b instanceof Uint8Array);
  const valid =
    state.version === CONSOLE_STATE_VERSION &&
    Array.isArray(state.names) &&
    state.names.join() === names.join() &&
    Array.isArray(state.open) &&
    state.open.length === names.length &&
    bytes(state.input) &&
    state.input.length === names.length &&
    bytes(state.control);
  if (!valid) {
    throw new DeviceFault(
      name,
      `saved state refused: it is not a version 1 state of ports ${names.join(', ')}`,
    );
  }
  return state as ConsoleState;
}

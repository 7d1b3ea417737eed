import { MAC_BYTES } from '@v3vee/wire';
import { DeviceFault, type DeviceState } from '../../platform';
import type { AddressUse } from './address-uses';

export const HWSIM_STATE_VERSION = 1;

export interface HwsimState extends DeviceState {
  /** Messages that have not found a buffer of the guest. */
  backlog: Uint8Array[];
  uses: AddressUse[];
  /** Frames that the guest transmitted and has not heard of yet. */
  unanswered: number;
}

/** Checks a state from outside. */
export function checkHwsimState(name: string, saved: unknown): HwsimState {
  const state = saved as Partial<HwsimState>;
  const isMac = (value: unknown) => value instanceof Uint8Array && value.length === MAC_BYTES;
  const valid =
    state.version === HWSIM_STATE_VERSION &&
    Array.isArray(state.backlog) &&
    state.backlog.every(message => message instanceof Uint8Array) &&
    Array.isArray(state.uses) &&
    state.uses.every(use => isMac(use?.radio) && isMac(use?.address)) &&
    Number.isInteger(state.unanswered) &&
    state.unanswered! >= 0;
  if (!valid) {
    throw new DeviceFault(
      name,
      `saved state refused: it is not a version ${HWSIM_STATE_VERSION} state of Wi-Fi radios`,
    );
  }
  return state as HwsimState;
}

import { DeviceFault, type DeviceState } from '../../platform';

export const BALLOON_STATE_VERSION = 1;

export interface BalloonState extends DeviceState {
  /** Pages that the guest is to give back. */
  target: number;
  /** As many as its driver said that it has given. */
  said: number;
  /** Numbers of the pages that it gave, each once. */
  held: Uint32Array;
}

/** Checks a state from outside. @param pages of the machine's RAM */
export function checkBalloonState(name: string, saved: unknown, pages: number): BalloonState {
  const state = saved as Partial<BalloonState>;
  const isCount = (value: unknown) => Number.isInteger(value) && (value as number) >= 0;
  const valid =
    state.version === BALLOON_STATE_VERSION &&
    isCount(state.target) &&
    isCount(state.said) &&
    state.held instanceof Uint32Array &&
    state.held.length <= pages &&
    state.held.every((page, i) => page < pages && (i === 0 || page > state.held![i - 1]!));
  if (valid) return state as BalloonState;
  throw new DeviceFault(
    name,
    `saved state refused: it is not a version ${BALLOON_STATE_VERSION} state of a balloon`,
  );
}

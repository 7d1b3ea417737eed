import { DeviceFault, type DeviceState } from '../../platform';

export const BLOCK_STATE_VERSION = 1;

/**
 * A request is answered before the guest goes on, or it is still in the ring: there are none in flight. The sectors are
 * there to notice a state of another disk; 0: no driver had looked at it.
 */
export interface BlockState extends DeviceState {
  sectors: number;
}

export function checkBlockState(name: string, saved: unknown, sectors: number): void {
  const state = saved as Partial<BlockState>;
  const { sectors: found } = state;
  if (state.version === BLOCK_STATE_VERSION && (found === sectors || found === 0)) return;
  const is =
    state.version === BLOCK_STATE_VERSION ? `of a disk of ${found} sectors` : `of version ${state.version}`;
  const reads = `this disk has ${sectors} sectors and reads version ${BLOCK_STATE_VERSION}`;
  throw new DeviceFault(name, `saved state refused: it is ${is}, ${reads}`);
}

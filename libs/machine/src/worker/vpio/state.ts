import type { CardModel } from '@v3vee/contracts';
import type { DeviceContext, DeviceModel } from '@v3vee/device-models';
import { DeviceFault, type DeviceState } from '@v3vee/devices';

export const SHARED_CARD_STATE_VERSION = 1;

/** Of a card that a guest shares: its device context, whether it had the card when it was saved or not. */
export interface SharedCardState extends DeviceState {
  kind: 'shared-card';
  model: CardModel;
  /** Null: the guest never used the card. */
  context: DeviceContext | null;
  /** Whether the guest's interrupt line was up. */
  line: boolean;
}

/** A checked copy. @throws DeviceFault that says why it is none of such a card */
export function checkSharedCardState(
  device: string,
  model: DeviceModel,
  saved: unknown,
): Pick<SharedCardState, 'context' | 'line'> {
  const refuse = (why: string) => new DeviceFault(device, `saved state refused: ${why}`);
  const state = saved as Partial<SharedCardState> | null;
  if (typeof state !== 'object' || state?.kind !== 'shared-card') throw refuse('it is not of a shared card');
  if (state.version !== SHARED_CARD_STATE_VERSION) {
    throw refuse(`its version is ${String(state.version)}, not ${SHARED_CARD_STATE_VERSION}`);
  }
  if (state.model !== model.model)
    throw refuse(`it is of a ${String(state.model)}, this is a ${model.model}`);
  if (state.context === null || state.context === undefined)
    return { context: null, line: state.line === true };
  try {
    return { context: model.checkContext(state.context), line: state.line === true };
  } catch (thrown) {
    throw refuse((thrown as Error).message);
  }
}

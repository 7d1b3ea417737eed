import { directions, type CardAccess, type DmaWindow, type HookRule } from '@v3vee/contracts';
import type { DeviceModel } from '@v3vee/device-models';

/** A guest's use of a card, as far as what may be done with the card depends on it. */
export interface CardUse {
  access: CardAccess;
  model: DeviceModel;
  /** What the model knows; checked. */
  state: unknown;
  /** Bytes of the guest's RAM. */
  memorySize: number;
}

/** Every access is an exit. */
export function emulatedHooks({ windowSize }: Pick<DeviceModel, 'windowSize'>): HookRule[] {
  return directions.map(direction => ({
    ...{ direction, offset: 0, length: windowSize, class: 'exit' as const },
    ...{ register: 'all', why: 'the card is emulated: the DMM sees every access' },
  }));
}

/** The hooked I/O list in force while the guest has the card. */
export function hooksOf({ access, model, state }: CardUse): HookRule[] {
  return access === 'emulated' ? emulatedHooks(model) : model.hooks(state);
}

/** Guest memory that the card may reach then. */
export function windowsOf({ model, state, memorySize }: CardUse): DmaWindow[] {
  return model.windows(state, { memorySize });
}

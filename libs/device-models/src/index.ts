import type { CardModel } from '@v3vee/contracts';
import type { DeviceModel } from './model';
import { ne2000Model } from './ne2000/model';
import { rtl8139Model } from './rtl8139/model';

export type {
  DeviceAtRest,
  DeviceContext,
  DeviceModel,
  DeviceRegisters,
  GuestBounds,
  InterruptRegisters,
  Observation,
  ShadowNotes,
  VirtualRegister,
} from './model';

const models: Record<CardModel, DeviceModel> = {
  ne2000: ne2000Model as DeviceModel,
  rtl8139: rtl8139Model('rtl8139') as DeviceModel,
  'rtl8139c+': rtl8139Model('rtl8139c+') as DeviceModel,
};

/** The model of a card. A third card needs its hardware in `@v3vee/devices`, a folder here, and a line above. */
export const modelOf = (model: CardModel): DeviceModel => models[model];

import { nicModes, V3Error } from '@v3vee/contracts';
import type { DeviceSpec, NetSettings } from '@v3vee/devices';
import type { BootImage } from '../engine/direct-boot';
import type { CoreWord } from './core-word';
import type { YieldSettings } from '../engine/yielding';
import type { LeaseWord } from './lease-word';
import { parseMac } from './mac';
import { CARD_MODELS, type CardConfig, type Firmware, type NicConfig } from './protocol';

export interface GuestOptions {
  /** 32 … 1024. */
  memoryMiB: number;
  image: BootImage;
  firmware: Firmware;
  nics: NicConfig[];
  /** Physical cards; a state can be loaded by a guest with the same models that are shared likewise. */
  cards?: CardConfig[];
  /** Wi-Fi NICs, 0 … 4; a state can be loaded by a guest with as many. Their addresses are set in the guest. */
  wifiCount?: number;
  /** Further devices, by their class; a state can be loaded by a guest with the same ones. */
  devices?: DeviceSpec[];
  /**
   * Paths of modules with device classes, beside those that are built in. They run in the guest's thread with all rights
   * of this process: only its operator may name them.
   */
  deviceModules?: string[];
  /** When its thread goes back to its host; absent: as by default. */
  yielding?: YieldSettings;
  /** Added to the image's kernel command line. */
  cmdlineExtra?: string;
  /** Its thread stops it by itself when this is over; `run` lets it go on. Absent: it may always run. */
  lease?: LeaseWord;
  /** Whether it has its core of the host; absent: it always has. */
  core?: CoreWord;
}

/** @throws V3Error INVALID_REQUEST */
export function checkOptions({ memoryMiB, nics, cards = [], wifiCount = 0 }: GuestOptions): void {
  if (!Number.isInteger(memoryMiB) || memoryMiB < 32 || memoryMiB > 1024) {
    throw new V3Error('INVALID_REQUEST', `guest memory must be 32 to 1024 MiB, not ${memoryMiB}`);
  }
  if (nics.length > 8) throw new V3Error('INVALID_REQUEST', `a guest has at most 8 NICs, not ${nics.length}`);
  if (cards.length > 4)
    throw new V3Error('INVALID_REQUEST', `a guest has at most 4 cards, not ${cards.length}`);
  if (!Number.isInteger(wifiCount) || wifiCount < 0 || wifiCount > 4)
    throw new V3Error('INVALID_REQUEST', `a guest has 0 to 4 Wi-Fi NICs, not ${wifiCount}`);
  for (const { model, mac } of cards) {
    requireMac(mac);
    if (!CARD_MODELS.includes(model)) {
      throw new V3Error('INVALID_REQUEST', `a card is one of ${CARD_MODELS.join(', ')}, not ${model}`);
    }
  }
  for (const { mac, mtu, ...settings } of nics) {
    requireMac(mac);
    requireSettings(settings);
    if (!Number.isInteger(mtu) || mtu < 68 || mtu > 65521) {
      throw new V3Error('INVALID_REQUEST', `the MTU of a NIC must be 68 to 65521, not ${mtu}`);
    }
  }
}

/** @throws V3Error INVALID_REQUEST */
export function requireSettings({ mode, ...switches }: NetSettings): void {
  if (mode !== undefined && !nicModes.includes(mode)) {
    throw new V3Error('INVALID_REQUEST', `a NIC's mode is ${nicModes.join(', ')}, not ${String(mode)}`);
  }
  for (const name of ['optimisticInterrupts', 'spoofGuard', 'linkUp'] as const) {
    if (switches[name] === undefined || typeof switches[name] === 'boolean') continue;
    throw new V3Error('INVALID_REQUEST', `${name} of a NIC is true or false, not ${String(switches[name])}`);
  }
}

/** @throws V3Error INVALID_REQUEST */
export function requireMac(text: string): void {
  if (!parseMac(text)) {
    throw new V3Error('INVALID_REQUEST', `"${text}" is not a MAC address such as 02:00:00:00:00:01`);
  }
}

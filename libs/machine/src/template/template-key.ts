import { createHash } from 'node:crypto';
import type { CardModel } from '@v3vee/contracts';
import type { DeviceSpec } from '@v3vee/devices';
import type { BootImage } from '../engine/direct-boot';
import { ENGINE_VERSION } from '../engine/v86-internals';
import { STATE_FORMAT } from '../state/machine-state';
import { devicesIdentity } from '../worker/devices';
import type { Firmware } from '../worker/protocol';
import { CHANNELS } from '../worker/channel';

/** Raised when machines are built in another way, so that templates of the old way are not used. */
const TEMPLATE_VERSION = 1;

export interface TemplateSource {
  image: BootImage;
  /** Over everything a guest sees of the image. */
  imageDigest: string;
  memoryMiB: number;
  nicCount: number;
  /** Physical cards, in order. */
  cards?: TemplateCard[];
  /** Wi-Fi NICs: the guest's kernel makes its radios when it boots. */
  wifiCount?: number;
  /** Further devices, in order. */
  devices?: DeviceSpec[];
  firmware: Firmware;
}

export interface TemplateCard {
  model: CardModel;
  /** Whether it is shared with other guests: its state is another one then. */
  shared: boolean;
}

/** Two sources with the same key boot to the same state. */
export function templateKey({
  imageDigest,
  memoryMiB,
  nicCount,
  cards = [],
  wifiCount = 0,
  devices = [],
  firmware,
}: TemplateSource): string {
  const digest = (data: Uint8Array) => createHash('sha256').update(data).digest('hex');
  const parts = [
    TEMPLATE_VERSION,
    STATE_FORMAT,
    ENGINE_VERSION,
    imageDigest,
    memoryMiB,
    nicCount,
    devicesIdentity(CHANNELS, nicCount, wifiCount),
    digest(firmware.bios),
    digest(firmware.vgaBios),
    // templates of machines without cards, Wi-Fi and further devices stay what they were
    ...cards.map(({ model, shared }) => `${model} ${shared}`),
    ...(wifiCount > 0 ? [`wifi ${wifiCount}`] : []),
    ...devices.map(device => ({ device })),
  ];
  return digest(Buffer.from(JSON.stringify(parts))).slice(0, 32);
}

import { randomFillSync } from 'node:crypto';
import { identityOf, VirtioBlock, VirtioConsole, VirtioHwsim, VirtioNet, VirtioRng } from '@v3vee/devices';
import { parseMac } from './mac';
import type { DiskConfig, NicConfig } from './protocol';

/** What the devices of a machine produce. */
export interface DeviceOutput {
  channelData(port: number, data: Uint8Array<ArrayBuffer>): void;
  channelOpen(port: number, open: boolean): void;
  frames(nic: number, frames: Uint8Array<ArrayBuffer>[]): void;
  /** What the guest's Wi-Fi radios tell their medium: hwsim messages. */
  wifi(messages: Uint8Array<ArrayBuffer>[]): void;
  /** The guest waits for a disk because the host has no room. */
  diskStalled(disk: number, reason: string): void;
}

export interface Devices {
  console: VirtioConsole;
  nics: VirtioNet[];
  wifi: VirtioHwsim | undefined;
  /** A disc in the CD drive has no device of ours. */
  disks: (VirtioBlock | undefined)[];
  rng: VirtioRng;
}

/**
 * The devices that we plug into a machine: one virtio console for the channels, a virtio card per NIC, one medium for
 * all Wi-Fi NICs, the disks, a source of entropy.
 */
export function makeDevices(
  {
    channels,
    nics,
    wifiCount,
    disks,
  }: { channels: string[]; nics: NicConfig[]; wifiCount: number; disks: DiskConfig[] },
  output: DeviceOutput,
): Devices {
  return {
    console: new VirtioConsole({
      ports: channels,
      output: (port, data) => output.channelData(port, data),
      opened: (port, open) => output.channelOpen(port, open),
    }),
    nics: nics.map(
      ({ mac, mtu }, index) =>
        new VirtioNet({ mac: parseMac(mac)!, mtu, transmit: frames => output.frames(index, frames) }),
    ),
    wifi: wifiCount > 0 ? new VirtioHwsim({ transmit: messages => output.wifi(messages) }) : undefined,
    disks: disks.map((config, disk) =>
      config.cdrom
        ? undefined
        : new VirtioBlock({ ...config, stalled: reason => output.diskStalled(disk, reason) }),
    ),
    rng: new VirtioRng(bytes => void randomFillSync(bytes)),
  };
}

/**
 * What a guest sees of such devices when it boots: their types, queues and features. A state that was booted with
 * others is of another machine.
 */
export function devicesIdentity(
  channels: string[],
  nicCount: number,
  wifiCount = 0,
  diskShapes: readonly DiskShape[] = [],
): string[] {
  const nics = Array.from({ length: nicCount }, () => ({ mac: '02:00:00:00:00:00', mtu: 1500 }));
  const nothing = () => undefined;
  const made = makeDevices(
    { channels, nics, wifiCount, disks: diskShapes.map(templateDisk) },
    { channelData: nothing, channelOpen: nothing, frames: nothing, wifi: nothing, diskStalled: nothing },
  );
  const devices = [
    made.console,
    ...made.nics,
    ...(made.wifi ? [made.wifi] : []),
    ...made.disks.filter(disk => disk !== undefined),
    made.rng,
  ];
  return [...channels, ...devices.map(identityOf)];
}

/** What a kernel sees of a disk whose driver has not been loaded. */
export type DiskShape = Pick<DiskConfig, 'readOnly'>;

/** No driver of a template looks at its size. */
export const templateDisk = ({ readOnly }: DiskShape): DiskConfig => ({
  ...{ bytes: 1 << 20, readOnly, serial: '' },
});

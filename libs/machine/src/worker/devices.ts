import { identityOf, VirtioConsole, VirtioNet } from '@v3vee/devices';
import { parseMac } from './mac';
import type { NicConfig } from './protocol';

/** What the devices of a machine produce. */
export interface DeviceOutput {
  channelData(port: number, data: Uint8Array<ArrayBuffer>): void;
  channelOpen(port: number, open: boolean): void;
  frames(nic: number, frames: Uint8Array<ArrayBuffer>[]): void;
}

/** The devices that we plug into a machine: one virtio console for the channels, a virtio card per NIC. */
export function makeDevices(
  { channels, nics }: { channels: string[]; nics: NicConfig[] },
  output: DeviceOutput,
): { console: VirtioConsole; nics: VirtioNet[] } {
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
  };
}

/**
 * What a guest sees of such devices when it boots: their types, queues and features. A state that was booted with
 * others is of another machine.
 */
export function devicesIdentity(channels: string[], nicCount: number): string[] {
  const nics = Array.from({ length: nicCount }, () => ({ mac: '02:00:00:00:00:00', mtu: 1500 }));
  const nothing = () => undefined;
  const made = makeDevices(
    { channels, nics },
    { channelData: nothing, channelOpen: nothing, frames: nothing },
  );
  return [...channels, ...[made.console, ...made.nics].map(identityOf)];
}

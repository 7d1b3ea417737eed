import {
  isServiceMac,
  radioProblem,
  V3Error,
  type ErrorCode,
  type FieldError,
  type Radio,
  type VmPatch,
  type WifiNicSpec,
} from '@v3vee/contracts';
import type { NewWifiNic, VmDefinition, WifiNicDefinition } from '@v3vee/store';
import { randomMac } from './mac';

/**
 * Wi-Fi NICs as they are asked for become those that are defined.
 * @param host whose radios they can be
 * @param present NICs the VM has: one that stays on its radio keeps its vMAC
 * @throws V3Error DEVICE_MISMATCH, INVALID_REQUEST
 */
export function planWifi(
  specs: readonly WifiNicSpec[],
  host: { name: string; radios: readonly Radio[] },
  present: readonly WifiNicDefinition[],
): NewWifiNic[] {
  specs.forEach(({ radio, mac }, index) => {
    const problem = radioProblem({ radio }, host);
    if (problem) refuse('DEVICE_MISMATCH', { path: `wifi[${index}].radio`, message: problem });
    if (mac !== undefined && isServiceMac(mac)) {
      const message = `${mac} is of the range of network services; choose for example one that begins with 02`;
      refuse('INVALID_REQUEST', { path: `wifi[${index}].mac`, message });
    }
  });
  return specs.map(({ radio, ssid = null, passphrase = null, mac, ip = null }, index) => {
    const stays = present[index]?.radio === radio ? present[index] : undefined;
    const dhcp = ip === 'dhcp';
    return {
      ...{ radio, ssid, passphrase, dhcp },
      mac: mac ?? stays?.mac ?? randomMac(),
      ip: dhcp ? null : ip,
    };
  });
}

/** Whether a VM has these Wi-Fi NICs already; where no vMAC is asked for, the present one is right. */
export function sameWifi({ wifi }: VmDefinition, specs: NonNullable<VmPatch['wifi']>): boolean {
  return (
    specs.length === wifi.length &&
    specs.every(({ radio, ssid, passphrase, mac, ip }, index) => {
      const nic = wifi[index];
      return (
        nic?.radio === radio &&
        (ssid ?? null) === nic.ssid &&
        (passphrase ?? null) === nic.passphrase &&
        (mac ?? nic.mac) === nic.mac &&
        (ip ?? null) === (nic.dhcp ? 'dhcp' : nic.ip)
      );
    })
  );
}

/** As a clone gets them: with vMACs of its own, and without the addresses of the VM that it is made of. */
export const cloneWifi = ({ wifi }: VmDefinition): WifiNicSpec[] =>
  wifi.map(({ radio, ssid, passphrase, dhcp }) => ({
    radio,
    ssid: ssid ?? undefined,
    passphrase: passphrase ?? undefined,
    ip: dhcp ? 'dhcp' : undefined,
  }));

function refuse(code: ErrorCode, field: FieldError): never {
  throw new V3Error(code, `${field.path}: ${field.message}`, { fields: [field] });
}

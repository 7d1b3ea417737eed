/** Virtual WiFi: the wifi service (HostVM of every host's radios), and what the Palacios of a host asks of it. */
import { z } from 'zod';
import { macAddress, resourceName } from './quantities';
import { announcement, call, empty, incarnation } from './rpc-call';
import { accessPointStatus, radioStatus, stationStatus, wifiEvent, wifiLink } from './wifi-status';

const attachedVm = z.object({ vmId: z.uuid(), epoch: z.int() });
/**
 * What the radio keeps of a VM and its new host's radio goes on with: opaque to Palacios; whoever made it checks it.
 * Base64.
 */
const radioContext = z.base64().max(1_400_000, 'the context of a Wi-Fi NIC has at most 1 MiB');

/** `{host}` is the host that asks. */
export const wifiCalls = {
  /**
   * A VM's Wi-Fi NICs, before its guest runs: once it is answered, `rawSubjects.wifiToService(host)` is heard for it.
   * Asked again for the same epoch (after `wifiHello`) it takes the list's place; a greater epoch takes the VM from
   * whichever host had it. @throws V3Error RADIO_NOT_FOUND, MAC_IN_USE: another VM has one of the addresses;
   * VM_WRONG_STATE: a greater epoch is attached
   */
  attach: call(
    'wifi.attach.{host}',
    attachedVm.extend({
      vm: resourceName,
      nics: z
        .array(z.object({ index: z.int().min(0).max(3), radio: resourceName, address: macAddress }))
        .min(1)
        .max(4),
      context: radioContext.nullable().default(null),
    }),
    z.object({ incarnation }),
    10_000,
  ),
  /**
   * The VM is gone from its host (it ended, or moves away). `context` is for the attachment elsewhere; null: there is
   * nothing to keep. A VM that is not attached there in that epoch: nothing happens.
   */
  detach: call('wifi.detach.{host}', attachedVm, z.object({ context: radioContext.nullable() })),
  /** Radios, access points or fixed SNRs changed in the store: once it is answered, they are in force. */
  reload: call('wifi.reload', empty, empty, 10_000),
  status: call(
    'wifi.status',
    empty,
    z.object({
      incarnation,
      radios: z.array(radioStatus),
      stations: z.array(stationStatus),
      accessPoints: z.array(accessPointStatus),
      links: z.array(wifiLink),
      events: z.array(wifiEvent).describe('the latest ones, oldest first'),
    }),
  ),
  /**
   * Throws a station off a built-in access point (reason 3, "leaving"); it may come back.
   * @throws V3Error ACCESS_POINT_NOT_FOUND, STATION_NOT_FOUND
   */
  deauthenticate: call(
    'wifi.deauthenticate',
    z.object({ accessPoint: resourceName, address: macAddress }),
    empty,
  ),
};
/** The wifi service started anew, or was away: every host attaches its VMs again. */
export const wifiHello = announcement('wifi.hello', z.object({ incarnation }));

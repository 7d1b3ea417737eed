import type { WifiEvent } from '@v3vee/contracts';
import type { AccessPointEvent } from '@v3vee/wifi';
import { reasonName, statusName } from '@v3vee/wire';
import type { Names } from './names';

const MAX_EVENTS = 500;

/** What happened lately between stations and built-in access points, oldest first. */
export class Events {
  private readonly latest: WifiEvent[] = [];

  constructor(private readonly names: Names) {}

  list(): readonly WifiEvent[] {
    return this.latest;
  }

  add(accessPoint: string, event: AccessPointEvent): void {
    const told = describe(event);
    if (!told) return;
    const { station: address, ...rest } = told;
    this.latest.push({
      at: new Date().toISOString(),
      ...{ accessPoint, address, nic: this.names.nic(address) },
      ...rest,
    });
    if (this.latest.length > MAX_EVENTS) this.latest.shift();
  }
}

/** Undefined: nothing of one station. */
function describe(
  event: AccessPointEvent,
): (Pick<WifiEvent, 'event' | 'reason'> & { station: string }) | undefined {
  if (event.kind === 'groupKey') return undefined;
  const { station } = event;
  switch (event.kind) {
    case 'authenticated':
      return { station, event: 'AUTHENTICATED', reason: 'open system authentication' };
    case 'associated':
      return event.from
        ? { station, event: 'ROAMED', reason: `it comes from ${event.from}` }
        : { station, event: 'ASSOCIATED', reason: `association id ${event.aid}` };
    case 'authorized':
      return { station, event: 'AUTHORIZED', reason: 'its data is let through' };
    case 'refused':
      return { station, event: 'REFUSED', reason: `status ${event.status}, ${statusName(event.status)}` };
    case 'handshakeFailed':
      return {
        station,
        event: 'HANDSHAKE_FAILED',
        reason: `no valid ${event.waitedFor}: its passphrase is wrong, or it is away`,
      };
    case 'left':
      return {
        station,
        event: 'DISCONNECTED',
        reason: `reason ${event.reason}, ${reasonName(event.reason)}; by the ${event.by === 'station' ? 'station' : 'access point'}`,
      };
  }
}

import type { Bus, Stoppable } from '@v3vee/bus';
import { palaciosHeartbeat } from '@v3vee/contracts';
import type { Fleet } from '../lifecycle/fleet';

const PERIOD_MS = 1_000;

/** Says each second that this Palacios lives and what its VMs do. */
export function startHeartbeat(bus: Bus, host: string, incarnation: string, fleet: Fleet): Stoppable {
  const beat = () => bus.announce(palaciosHeartbeat, host, { host, incarnation, vms: fleet.statuses() });
  const timer = setInterval(beat, PERIOD_MS);
  // Whoever waits for this host need not wait another second.
  const reconnected = bus.onReconnect(beat);
  beat();
  return {
    stop: () => {
      clearInterval(timer);
      reconnected.stop();
    },
  };
}

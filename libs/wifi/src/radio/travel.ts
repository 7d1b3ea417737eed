import { Ieee80211Frame, frameControl, parseMac, setFrameControl } from '@v3vee/wire';
import type { Claims } from './claims';
import type { FrameContext, RadioContext } from './context';
import type { Outgoing } from './outgoing';
import type { Station } from './station';
import type { VmPort } from './vm-port';

/** ms that a vMAC which was joining, or an access point, keeps its channel at the new radio. */
const JOINING_MS = 2_000;

/** @param waiting frames that were not answered, in order; of those on the air receivers know the copy by its Retry bit */
export function takeContext(vm: VmPort, waiting: readonly Outgoing[]): RadioContext {
  const stations = vm.stations.filter(({ scanOnly }) => !scanOnly);
  return {
    version: 1,
    stations: stations.map(station => ({
      address: station.address,
      radio: station.phy.name,
      refs: station.refs,
      state: station.state,
      bssid: station.bssid,
      ssid: station.ssid,
      aid: station.aid,
      freq: station.freq,
      sleeps: station.sleeps,
      away: station.isAwakeMember,
      sequence: station.sequence,
    })),
    frames: waiting.filter(({ station }) => !station.scanOnly).map(toContext),
  };
}

/** @returns the frames that are to be sent. What the VM does not own is left out. */
export function restoreContext(context: RadioContext, vm: VmPort, claims: Claims, now: number): Outgoing[] {
  for (const { address, radio, ...state } of context.stations) {
    const phy = vm.phy(radio);
    const station = phy && claims.ownOf(vm, phy, address);
    if (!station) continue;
    const until = state.state === 'associated' ? Infinity : state.state === 'idle' ? 0 : now + JOINING_MS;
    Object.assign(station, state, {
      until,
      isAssumed: false,
      since: state.state === 'associated' ? now : undefined,
    });
  }
  return context.frames.flatMap(frame => fromContext(frame, claims.stations.get(frame.address), vm) ?? []);
}

function toContext({ station, message, isSent }: Outgoing): FrameContext {
  const frame = Buffer.from(message.frame);
  if (isSent) setFrameControl(frame, frameControl.RETRY, true);
  return {
    radio: station.phy.name,
    address: station.address,
    flags: message.flags,
    cookie: String(message.cookie),
    freq: message.freq,
    rates: message.rates,
    frame: frame.toString('base64'),
  };
}

function fromContext(context: FrameContext, station: Station | undefined, vm: VmPort): Outgoing | undefined {
  if (station?.vm !== vm) return undefined;
  const frame = Buffer.from(context.frame, 'base64');
  const { radio, flags, cookie, freq, rates } = context;
  const message = {
    kind: 'frame' as const,
    radio: parseMac(radio),
    frame,
    flags,
    cookie: BigInt(cookie),
    freq,
    rates,
  };
  return { station, message, frame: Ieee80211Frame.read(frame) };
}

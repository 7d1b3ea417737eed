import type { Target } from '@v3vee/contracts';
import { RouteCache, RoutingTable, VnetCore, type NicPort } from '@v3vee/overlay';
import { attachments, destination, FrameSet, rules, source, VNI, type FlowAddresses } from './flows';

/**
 * The overlay's core alone: no guest, no NATS, one thread. A host that looks a flow up in its route cache (hit), the
 * router that looks it up in its routes (miss), and a host's whole way of a frame.
 */

/** How long one measurement goes on, ms. */
const SPAN_MS = 200;
/** Frames that a guest gives its card in one go; VNET/P's dispatcher takes no more at a time. */
const BURST = 64;
/** Flows that a host has in use, whatever the number of routes: with few of them, more senders talk to each address. */
const FLOWS = 10_000;

const from = { type: 'interface', mac: source(0) } as const;
const targets: Target[] = [{ host: 'beta', to: null }];

/** One size of the overlay, set up: each answers what one measurement gives. */
export interface CoreUnderTest {
  /** Nanoseconds for a lookup in the route cache. */
  hitNs(): number;
  /** Nanoseconds for a lookup in the routes. */
  missNs(): number;
  /** Frames per second of the core whose flows are all cached: to another host. */
  hitFrames(): number;
  /** Frames per second of the core with nothing cached: all to the router. */
  missFrames(): number;
}

/** @param routes added by users, and as many NICs that they lead to */
export function coreWith(routes: number): CoreUnderTest {
  // Spread over all routes.
  const flow = (n: number): FlowAddresses => ({
    destination: destination((n * Math.ceil(routes / FLOWS)) % routes),
    source: source(Math.floor(n / routes)),
  });
  const used = new FrameSet(draw => flow(draw % FLOWS));
  const any = new FrameSet(draw => ({ destination: destination(draw % routes), source: source(0) }));
  const cache = new RouteCache();
  const warm = host(used);
  const cold = host(any);
  for (let n = 0; n < FLOWS; n++) {
    const addresses = flow(n);
    cache.put(1, addresses.source, addresses.destination, VNI, targets);
    warm.core.learn({ vni: VNI, from, ...addresses, targets });
  }
  const table = new RoutingTable();
  table.attach('beta', attachments(routes));
  table.setRules(rules(routes));
  return {
    hitNs: () =>
      nsEach(n => {
        if (!cache.get(1, used.bytes, FrameSet.addressOf(n))) throw new Error('a cached flow was not found');
      }),
    missNs: () =>
      nsEach(n => {
        const { places } = table.lookup(VNI, from, any.bytes, FrameSet.addressOf(n));
        if (places.length !== 1) throw new Error('a route was not found');
      }),
    hitFrames: () => framesPerSecond(warm, counters => counters.hits),
    missFrames: () => framesPerSecond(cold, counters => counters.misses),
  };
}

interface CoreHost {
  core: VnetCore;
  port: NicPort;
  set: FrameSet;
}

function host(set: FrameSet): CoreHost {
  const sink = { toHost: () => true, toRouter: () => true };
  const core = new VnetCore({ host: 'alpha', sink });
  const port: NicPort = { vni: VNI, place: from, vmId: 'lab', epoch: 1, deliver: () => undefined };
  core.attach(port);
  return { core, port, set };
}

function framesPerSecond(
  { core, port, set }: CoreHost,
  counted: (counters: VnetCore['counters']) => number,
): number {
  const bursts = Array.from({ length: FrameSet.count / BURST }, (_, i) =>
    set.frames.slice(i * BURST, (i + 1) * BURST),
  );
  const before = counted(core.counters);
  let sent = 0;
  const begin = performance.now();
  let elapsed: number;
  do {
    for (const burst of bursts) core.transmit(port, burst);
    sent += FrameSet.count;
    elapsed = performance.now() - begin;
  } while (elapsed < SPAN_MS);
  if (counted(core.counters) - before !== sent) throw new Error('frames took another way than was measured');
  return (sent / elapsed) * 1000;
}

function nsEach(lookup: (n: number) => void): number {
  let done = 0;
  const begin = performance.now();
  let elapsed: number;
  do {
    for (let i = 0; i < FrameSet.count; i++) lookup(i);
    done += FrameSet.count;
    elapsed = performance.now() - begin;
  } while (elapsed < SPAN_MS);
  return (elapsed / done) * 1e6;
}

import type { Guest } from '@v3vee/machine';
import { arpFrame, arpOperations, BROADCAST_MAC, icmpFrame, parseIpv4, parseMac } from '@v3vee/wire';

/** All of it takes half a second; on a busy machine it ends before it is through. */
const MAX_MS = 1_000;
const ECHOES = 40;
/** An answer takes some milliseconds, fewer with each. */
const ECHO_MS = 50;
const MTU = 1_500;
const ECHO_REQUEST = 8;
/** TEST-NET-1 (RFC 5737): nobody has these. */
const PEER = { mac: '02:00:5e:ff:00:04', ip: '192.0.2.1' };
const OURS = '192.0.2.2';

/**
 * Has a stopped machine that holds a template run it for a moment: it becomes somebody, and answers pings, which nobody
 * hears of. What it does is what a guest like it does first after it has come from another host, and the engine has
 * translated it then. Never fails; the machine stands still afterwards, in whatever state.
 * @param mac of its first card, a virtio one; none: it only runs
 */
export async function warmUp(guest: Guest, mac: string | undefined): Promise<void> {
  const end = performance.now() + MAX_MS;
  const left = () => Math.max(0, end - performance.now());
  try {
    await guest.run();
    const nics = mac === undefined ? [] : [{ mac, mtu: MTU, cidr: `${OURS}/24` }];
    await guest.config.configure({ hostname: 'warm-up', nics }, left());
    if (mac !== undefined) await ping(guest, mac, left);
  } catch {
    // It will be slower at first.
  } finally {
    await guest.pause();
  }
}

async function ping(guest: Guest, mac: string, left: () => number): Promise<void> {
  const us = { sourceMac: parseMac(PEER.mac), source: parseIpv4(PEER.ip) };
  const it = { destinationMac: parseMac(mac), destination: parseIpv4(OURS) };
  let answered: () => void = () => undefined;
  const stop = guest.onFrames(() => answered());
  const ask = async (frame: Uint8Array) => {
    let late: NodeJS.Timeout | undefined;
    await new Promise<void>(resolve => {
      answered = resolve;
      late = setTimeout(resolve, Math.min(ECHO_MS, left()));
      guest.sendFrames(0, [frame]);
    });
    clearTimeout(late);
  };
  try {
    // So that it need not ask who asks.
    await ask(
      arpFrame(parseMac(BROADCAST_MAC), {
        ...{ operation: arpOperations.REQUEST, senderMac: us.sourceMac, senderIp: us.source },
        ...{ targetMac: new Uint8Array(6), targetIp: it.destination },
      }),
    );
    for (let echo = 0; echo < ECHOES && left() > 0; echo++) {
      await ask(icmpFrame({ ...us, ...it }, ECHO_REQUEST, 0, new Uint8Array(60).fill(echo)));
    }
  } finally {
    stop();
  }
}

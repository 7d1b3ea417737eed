import { growthPerSecond, iperfDatagrams, iperfMbit, netpipeMs, pingTimes } from './parse';
import type { Pair } from './station';

/** NetPIPE's port; there is one ping-pong at a time. */
const NETPIPE_PORT = 5002;
const MTU = 1500;
/** IPv4 and UDP header. */
const UDP_OVERHEAD = 28;
const ETHERNET_HEADER = 14;

/** A guest's network, and the servers that the measurements talk to. The driver is bound anew: it reads the card's MTU once. */
export const setUpNetwork = (ip: string): string =>
  [
    'cd /sys/bus/virtio/drivers/virtio_net',
    'for d in virtio*; do echo $d >unbind; echo $d >bind; done',
    'cd /root',
    `ifconfig eth0 ${ip} netmask 255.255.255.0 mtu ${MTU} up`,
    '(iperf3 -s -D >/dev/null 2>&1)',
  ].join('; ');

/** TCP goodput of one connection, Mbit/s. */
export async function tcpStream({ client, server }: Pair, seconds: number): Promise<number> {
  return iperfMbit(await client.sh(`iperf3 -J -i 0 -c ${server.ip} -t ${seconds}`));
}

/** Datagrams of a full Ethernet frame, as fast as the sender can: what arrives, Mbit/s of payload. */
export async function udpStream({ client, server }: Pair, seconds: number): Promise<number> {
  const payload = MTU - UDP_OVERHEAD;
  const report = await client.sh(`iperf3 -J -i 0 -u -b 0 -l ${payload} -c ${server.ip} -t ${seconds}`);
  return (iperfDatagrams(report).perSecond * payload * 8) / 1e6;
}

/** Echo requests, each sent when the last was answered; ms each. */
export async function pings({ client, server }: Pair, count: number): Promise<number[]> {
  return pingTimes(await client.sh(`ping -A -c ${count} ${server.ip}`));
}

/** One byte there and back on one TCP connection, again and again: ms for one round. */
export async function requestResponse({ client, server }: Pair, rounds: number): Promise<number> {
  const options = `-l 1 -u 1 -p 0 -n ${rounds}`;
  const port = NETPIPE_PORT.toString(16).toUpperCase();
  await server.sh(
    `(NPtcp ${options} >/dev/null 2>&1 &); until grep -q ":${port} .* 0A" /proc/net/tcp; do usleep 20000; done`,
  );
  return netpipeMs(await client.sh(`NPtcp -h ${server.ip} ${options} -o /dev/null 2>&1`));
}

/** Sets up the kernel's packet generator (pktgen): it makes frames without a system call for each. */
export async function preparePktgen({ client }: Pair): Promise<void> {
  await client.sh(
    'insmod /lib/modules/pktgen.ko 2>/dev/null; [ -e /proc/net/pktgen/eth0 ] || echo add_device eth0 >/proc/net/pktgen/kpktgend_0',
  );
}

/** Counted by the receiver's card, by its own clock, while the traffic flows. */
const COUNT = 'echo $(cat /sys/class/net/eth0/statistics/rx_packets) $(cut -d" " -f1 /proc/uptime)';
const WINDOW = `sleep 0.5; ${COUNT}; sleep 1; ${COUNT}`;

/**
 * Small frames (Ethernet header included, frame check sequence not) that arrive per second while the packet generator
 * sends them as fast as it can: the receiver is overloaded, what it drops does not count.
 */
export async function floodedFrames({ client, server }: Pair, bytes: number): Promise<number> {
  const settings = [`pkt_size ${bytes}`, 'count 0', 'delay 0', `dst ${server.ip}`, `dst_mac ${server.mac}`];
  await client.sh(settings.map(line => `echo ${line} >/proc/net/pktgen/eth0`).join('; '));
  await client.sh('(echo start >/proc/net/pktgen/pgctrl &)');
  try {
    return growthPerSecond(await server.sh(WINDOW));
  } finally {
    await client.sh('echo stop >/proc/net/pktgen/pgctrl');
    await untilQuiet({ client, server });
  }
}

/**
 * Large frames that arrive per second: full segments of a TCP connection at an MTU of their size, cut by the kernel. A
 * flood of them would only measure how much of it the way can hold.
 */
export async function tcpFrames({ client, server }: Pair, bytes: number): Promise<number> {
  const set = (mtu: number, offload: 'on' | 'off') =>
    Promise.all(
      [client, server].map(({ sh }) => sh(`ifconfig eth0 mtu ${mtu}; ethtool -K eth0 tso ${offload}`)),
    );
  await set(bytes - ETHERNET_HEADER, 'off');
  try {
    const [readings] = await Promise.all([
      server.sh(WINDOW),
      client.sh(`iperf3 -c ${server.ip} -t 2 >/dev/null`),
    ]);
    return growthPerSecond(readings);
  } finally {
    await set(MTU, 'on');
  }
}

/** What a flood left in queues has passed when an echo comes back. */
const untilQuiet = ({ client, server }: Pair): Promise<string> =>
  client.sh(`until ping -c 1 -W 1 ${server.ip} >/dev/null; do :; done`);

import {
  ARP_BYTES,
  arpFrame,
  arpOperations,
  BROADCAST_MAC,
  dhcpPorts,
  etherTypes,
  ETHERNET_HEADER_BYTES,
  findIpPacket,
  findUdp,
  fold,
  formatMac,
  icmpFrame,
  ipProtocols,
  ipv4HeaderIsIntact,
  isGroupMac,
  networkLayer,
  parseArp,
  parseMac,
  sumWords,
  superFrameProblem,
  SUPER_FRAME_ETHERNET,
  u32,
  udpFrame,
  VirtioNetHeader,
  virtioNetFlags,
  WireError,
  type IpPacket,
  type Ipv4Ends,
} from '@v3vee/wire';
import type { DhcpReply, DhcpServer } from './dhcp-server';
import type { DnsResponder } from './dns-responder';
import type { Subnet } from './members';

export interface ApplianceOptions {
  mac: string;
  subnet: Subnet;
  dhcp?: DhcpServer;
  dns?: DnsResponder;
  /** Super-frames to the network. */
  send: (frames: Uint8Array[]) => void;
  /** Told when a lease could not be written down. */
  onFailure?: (thrown: unknown) => void;
  /** Called before a station that is no member is treated as a stranger: definitions may be newer than the members. */
  onStranger?: (mac: string) => Promise<void>;
}

const DNS_PORT = 53;
const ECHO = { REQUEST: 8, REPLY: 0 };
const UNREACHABLE = { TYPE: 3, PORT: 3 };
const ALL_STATIONS = 0xffffffff;
/** The guest left the checksum to the card, or the card has verified it: it is not there, or need not be looked at. */
const CHECKSUM_IS_GOOD = virtioNetFlags.NEEDS_CSUM | virtioNetFlags.DATA_VALID;
/** DHCP messages that wait for the store. More are dropped; clients ask again. */
const MAX_WAITING = 64;
const broadcastMac = parseMac(BROADCAST_MAC);
/** Of the packet that could not be delivered: its header and 8 bytes (RFC 792). */
const QUOTED_BYTES = 8;

/**
 * A station that is no guest: the service of one network. It answers ARP and ICMP echo for its address, DHCP and
 * DNS where they are wanted, and says of everything else sent to it that it is unreachable. What cannot be read is
 * dropped and counted. It only ever answers, with at most one frame for each that came.
 */
export class NetworkAppliance {
  readonly counters = { received: 0, sent: 0, malformed: 0, failed: 0, busy: 0, dhcp: 0, dns: 0 };
  private readonly mac: Uint8Array;
  private waiting = 0;

  constructor(private readonly options: ApplianceOptions) {
    this.mac = parseMac(options.mac);
  }

  /** Super-frames from the network. They are not kept. */
  receive(frames: readonly Uint8Array[]): void {
    for (const frame of frames) {
      this.counters.received++;
      this.take(frame);
    }
  }

  private take(frame: Uint8Array): void {
    if (superFrameProblem(frame) !== undefined) return this.malformed();
    const at = SUPER_FRAME_ETHERNET;
    const source = frame.slice(at + 6, at + 12);
    const isForUs = frame.subarray(at, at + 6).every((octet, i) => octet === this.mac[i]);
    if (isGroupMac(source) || !(isForUs || isGroupMac(frame, at))) return;
    const network = networkLayer(frame, at);
    if (!network || network.start !== at + ETHERNET_HEADER_BYTES) return;
    if (network.etherType === etherTypes.ARP) return this.arp(frame, network.start, source);
    if (network.etherType !== etherTypes.IPV4) return;
    const packet = findIpPacket(frame, at);
    const header = new VirtioNetHeader(frame);
    if (!packet || header.isSegmented || !ipv4HeaderIsIntact(frame, packet)) return this.malformed();
    if (packet.isFragment) return;
    this.ipv4(frame, packet, source, isForUs);
  }

  private arp(frame: Uint8Array, start: number, source: Uint8Array): void {
    const packet = parseArp(frame.subarray(0, start + ARP_BYTES), start);
    if (!packet) return this.malformed();
    const { service } = this.options.subnet;
    if (packet.operation !== arpOperations.REQUEST || packet.targetIp !== service) return;
    const answer = {
      operation: arpOperations.REPLY,
      senderMac: this.mac,
      senderIp: service,
      targetMac: packet.senderMac,
      targetIp: packet.senderIp,
    };
    this.send(arpFrame(source, answer));
  }

  private ipv4(frame: Uint8Array, packet: IpPacket, sourceMac: Uint8Array, isForUs: boolean): void {
    const from = u32(frame, packet.start + 12);
    const to = u32(frame, packet.start + 16);
    const { service } = this.options.subnet;
    const verify = (new VirtioNetHeader(frame).flags & CHECKSUM_IS_GOOD) === 0;
    const forDhcp = packet.protocol === ipProtocols.UDP && this.isForDhcp(frame, packet, to);
    if (forDhcp) return this.dhcp(frame, packet, sourceMac, verify);
    if (!isForUs || to !== service || !isUnicast(from) || from === service) return;
    const ends = { sourceMac: this.mac, destinationMac: sourceMac, source: service, destination: from };
    if (packet.protocol === ipProtocols.ICMP) this.icmp(frame, packet, ends);
    else if (packet.protocol === ipProtocols.UDP) this.udp(frame, packet, ends, verify);
    else if (packet.protocol === ipProtocols.TCP) this.unreachable(frame, packet, ends);
  }

  private isForDhcp(frame: Uint8Array, packet: IpPacket, to: number): boolean {
    const { service, broadcast } = this.options.subnet;
    const isOurs = to === service || to === ALL_STATIONS || to === broadcast;
    const port = findUdp(frame, packet, false)?.destinationPort;
    return isOurs && this.options.dhcp !== undefined && port === dhcpPorts.SERVER;
  }

  private dhcp(frame: Uint8Array, packet: IpPacket, sourceMac: Uint8Array, verify: boolean): void {
    const datagram = findUdp(frame, packet, verify);
    if (!datagram) return this.malformed();
    this.counters.dhcp++;
    if (this.waiting >= MAX_WAITING) return void this.counters.busy++;
    this.waiting++;
    // The frame is a view into a buffer that is used again.
    void this.lease(datagram.payload.slice(), sourceMac)
      .catch(thrown => {
        if (thrown instanceof WireError) return this.malformed();
        this.counters.failed++;
        this.options.onFailure?.(thrown);
      })
      .finally(() => this.waiting--);
  }

  private async lease(message: Uint8Array, sourceMac: Uint8Array): Promise<void> {
    const { dhcp, onStranger } = this.options;
    const mac = formatMac(sourceMac);
    if (!dhcp?.leases.members.withMac(mac)) await onStranger?.(mac);
    const reply = await dhcp?.handle(message, mac);
    if (reply) this.send(this.dhcpFrame(reply, sourceMac));
  }

  private dhcpFrame({ message, to, broadcast }: DhcpReply, clientMac: Uint8Array): Uint8Array {
    const ends = {
      sourceMac: this.mac,
      destinationMac: broadcast ? broadcastMac : clientMac,
      source: this.options.subnet.service,
      destination: to ?? ALL_STATIONS,
    };
    return udpFrame(ends, dhcpPorts.SERVER, dhcpPorts.CLIENT, message);
  }

  private icmp(frame: Uint8Array, { payload, end }: IpPacket, ends: Ipv4Ends): void {
    if (end - payload < 8 || fold(sumWords(frame, payload, end)) !== 0xffff) return this.malformed();
    if (frame[payload] !== ECHO.REQUEST || frame[payload + 1] !== 0) return;
    this.send(icmpFrame(ends, ECHO.REPLY, 0, frame.subarray(payload + 4, end)));
  }

  private udp(frame: Uint8Array, packet: IpPacket, ends: Ipv4Ends, verify: boolean): void {
    const datagram = findUdp(frame, packet, verify);
    if (!datagram) return this.malformed();
    const { dns } = this.options;
    if (!dns || datagram.destinationPort !== DNS_PORT) return this.unreachable(frame, packet, ends);
    this.counters.dns++;
    const answer = dns.answer(datagram.payload);
    if (answer) this.send(udpFrame(ends, DNS_PORT, datagram.sourcePort, answer));
    else this.malformed();
  }

  private unreachable(frame: Uint8Array, { start, payload, end }: IpPacket, ends: Ipv4Ends): void {
    const quoted = frame.subarray(start, Math.min(payload + QUOTED_BYTES, end));
    const body = new Uint8Array(4 + quoted.length);
    body.set(quoted, 4);
    this.send(icmpFrame(ends, UNREACHABLE.TYPE, UNREACHABLE.PORT, body));
  }

  private send(frame: Uint8Array): void {
    this.counters.sent++;
    this.options.send([frame]);
  }

  private malformed(): void {
    this.counters.malformed++;
  }
}

/** Not a group's (224.0.0.0/4), reserved, of this host or of none. */
function isUnicast(address: number): boolean {
  const first = address >>> 24;
  return first !== 0 && first !== 127 && first < 224;
}

import {
  dhcpNumber,
  dhcpOptions,
  dhcpTypes,
  dhcpValue,
  encodeDhcp,
  formatMac,
  parseDhcp,
  type DhcpMessage,
} from '@v3vee/wire';
import { LeaseTable, type Lease } from './lease-table';
import { isHostAddress, type Subnet } from './members';

export interface DhcpSettings {
  subnet: Subnet;
  /** Of the guests' names. */
  domain: string;
  /** Whether the service answers DNS too. */
  dns: boolean;
  /** To be told to guests; null where it is Ethernet's usual 1500. */
  mtu: number | null;
}

/** An answer and how it travels (RFC 2131 §4.1). */
export interface DhcpReply {
  message: Uint8Array;
  /** IP address it is for; null: all stations, 255.255.255.255. */
  to: number | null;
  /** Whether the client hears Ethernet broadcasts only. */
  broadcast: boolean;
}

/** What must be remembered across restarts. */
export interface LeaseLog {
  /** Resolves when the lease is durable; it replaces others of the same client or address. */
  save(lease: Lease): Promise<void>;
}

/** s; renewed at half of it, by any server at seven eighths (RFC 2131 §4.4.5). */
const LEASE_SECONDS = 3_600;
const MIN_LEASE_SECONDS = 60;
/** A renewal that moves the end by less is not written down: on a busy network that would be most of them. */
const UNSAVED_MS = 30_000;
/** Clients of which it is known what was written down last; of others it is written again. */
const MAX_REMEMBERED = 4_096;
/** A client identifier is echoed (RFC 6842); a longer one is not an identifier. */
const MAX_CLIENT_ID = 64;

const { DISCOVER, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE, INFORM } = dhcpTypes;

/**
 * A DHCP server for one network (RFC 2131, options of RFC 2132), the only authority over it: a client that asks for
 * an address that is not its own hears so at once. Clients are known by their MAC address, which must be the one that
 * the frame came from. Relay agents are not served: a network is one link.
 */
export class DhcpServer {
  private readonly saving = new Set<string>();
  /** By client, as last written down. */
  private readonly saved = new Map<string, Lease>();

  constructor(
    private readonly settings: DhcpSettings,
    readonly leases: LeaseTable,
    private readonly log: LeaseLog,
    private readonly now: () => number = Date.now,
  ) {}

  /**
   * @param bytes UDP payload that came from `mac` to port 67
   * @returns undefined where no answer is due
   * @throws WireError when it is no DHCP message; what `LeaseLog.save` throws: then the client has no lease
   */
  async handle(bytes: Uint8Array, mac: string): Promise<DhcpReply | undefined> {
    const message = parseDhcp(bytes);
    if (message.op !== 1 || message.relayAddress !== 0 || formatMac(message.clientMac) !== mac)
      return undefined;
    switch (message.options.get(dhcpOptions.MESSAGE_TYPE)?.[0]) {
      case DISCOVER:
        return this.discover(message, mac);
      case REQUEST:
        return this.request(message, mac);
      case INFORM:
        return this.inform(message, mac);
      case DECLINE:
        return this.end(mac, this.leases.decline(mac, requested(message) ?? 0, this.now()));
      case RELEASE:
        return this.end(mac, this.leases.release(mac, message.clientAddress, this.now()));
      default:
        return undefined;
    }
  }

  private discover(message: DhcpMessage, mac: string): DhcpReply | undefined {
    const now = this.now();
    const address = this.leases.choose(mac, requested(message), now);
    if (address === undefined) return undefined;
    this.leases.offer(mac, address, now);
    return this.reply(message, mac, OFFER, address, leaseSeconds(message));
  }

  private async request(message: DhcpMessage, mac: string): Promise<DhcpReply | undefined> {
    const server = dhcpNumber(message.options, dhcpOptions.SERVER_ID);
    if (server !== undefined && server !== this.settings.subnet.service) {
      this.leases.withdraw(mac);
      return undefined;
    }
    // Selecting and rebooting clients name it in an option, renewing and rebinding ones have it (RFC 2131 §4.3.2).
    const address = requested(message) ?? message.clientAddress;
    if (this.saving.has(mac)) return undefined;
    const now = this.now();
    if (this.leases.choose(mac, address, now) !== address) return this.refuse(message);
    const seconds = leaseSeconds(message);
    const lease = { mac, address, expiresAt: now + seconds * 1000 };
    if (this.leases.members.withMac(mac)?.fixed !== address) {
      this.leases.grant(lease);
      // It must be durable before the client may use it (RFC 2131 §2.2, §3.1).
      await this.save(lease, now);
    }
    return this.reply(message, mac, ACK, address, seconds);
  }

  private inform(message: DhcpMessage, mac: string): DhcpReply | undefined {
    const { clientAddress } = message;
    if (!isHostAddress(clientAddress, this.settings.subnet)) return undefined;
    return this.reply(message, mac, ACK, 0, undefined);
  }

  private async end(mac: string, lease: Lease | undefined): Promise<undefined> {
    if (!lease) return undefined;
    this.saved.delete(mac);
    await this.save(lease, this.now());
    return undefined;
  }

  private async save(lease: Lease, now: number): Promise<void> {
    const { mac, address, expiresAt } = lease;
    const saved = this.saved.get(mac);
    const isSaved = saved?.address === address && saved.expiresAt > now;
    if (isSaved && Math.abs(expiresAt - saved.expiresAt) < UNSAVED_MS) return;
    this.saving.add(mac);
    try {
      await this.log.save(lease);
      if (this.saved.size >= MAX_REMEMBERED) this.saved.clear();
      this.saved.set(mac, lease);
    } finally {
      this.saving.delete(mac);
    }
  }

  private refuse(message: DhcpMessage): DhcpReply {
    const why = new TextEncoder().encode('this address is not yours');
    const options = new Map([
      [dhcpOptions.MESSAGE_TYPE, Uint8Array.of(NAK)],
      [dhcpOptions.SERVER_ID, dhcpValue(this.settings.subnet.service)],
      [dhcpOptions.MESSAGE, why],
    ] as [number, Uint8Array][]);
    return {
      message: encodeDhcp({
        ...answerTo(message),
        clientAddress: 0,
        options: withClientId(options, message),
      }),
      to: null,
      broadcast: message.broadcast,
    };
  }

  /** @param seconds of the lease; undefined where none is given */
  private reply(
    message: DhcpMessage,
    mac: string,
    type: number,
    address: number,
    seconds: number | undefined,
  ): DhcpReply {
    const { subnet, domain, dns, mtu } = this.settings;
    const name = this.leases.members.withMac(mac)?.name;
    const text = (value: string) => new TextEncoder().encode(value);
    const options = new Map<number, Uint8Array>([
      [dhcpOptions.MESSAGE_TYPE, Uint8Array.of(type)],
      [dhcpOptions.SERVER_ID, dhcpValue(subnet.service)],
    ]);
    if (seconds !== undefined) {
      options.set(dhcpOptions.LEASE_TIME, dhcpValue(seconds));
      options.set(dhcpOptions.RENEWAL_TIME, dhcpValue(Math.floor(seconds / 2)));
      options.set(dhcpOptions.REBINDING_TIME, dhcpValue(Math.floor((seconds * 7) / 8)));
    }
    options.set(dhcpOptions.SUBNET_MASK, dhcpValue(subnet.mask));
    options.set(dhcpOptions.BROADCAST_ADDRESS, dhcpValue(subnet.broadcast));
    if (name !== undefined) options.set(dhcpOptions.HOST_NAME, text(name));
    if (dns) {
      options.set(dhcpOptions.DNS_SERVERS, dhcpValue(subnet.service));
      options.set(dhcpOptions.DOMAIN_NAME, text(domain));
    }
    if (mtu !== null) options.set(dhcpOptions.INTERFACE_MTU, Uint8Array.of(mtu >> 8, mtu & 0xff));
    const clientAddress = type === OFFER ? 0 : message.clientAddress;
    return {
      message: encodeDhcp({
        ...answerTo(message),
        clientAddress,
        yourAddress: address,
        options: withClientId(options, message),
      }),
      to: clientAddress || (message.broadcast ? null : address),
      broadcast: clientAddress === 0 && message.broadcast,
    };
  }
}

function answerTo({ transaction, broadcast, clientMac, clientAddress }: DhcpMessage): DhcpMessage {
  return {
    op: 2,
    transaction,
    broadcast,
    clientAddress,
    yourAddress: 0,
    relayAddress: 0,
    clientMac,
    options: new Map(),
  };
}

function withClientId(options: DhcpMessage['options'], message: DhcpMessage): DhcpMessage['options'] {
  const id = message.options.get(dhcpOptions.CLIENT_ID);
  return id && id.length <= MAX_CLIENT_ID ? new Map([...options, [dhcpOptions.CLIENT_ID, id]]) : options;
}

function requested({ options }: DhcpMessage): number | undefined {
  return dhcpNumber(options, dhcpOptions.REQUESTED_ADDRESS);
}

function leaseSeconds({ options }: DhcpMessage): number {
  const wish = dhcpNumber(options, dhcpOptions.LEASE_TIME) ?? LEASE_SECONDS;
  return Math.min(Math.max(wish, MIN_LEASE_SECONDS), LEASE_SECONDS);
}

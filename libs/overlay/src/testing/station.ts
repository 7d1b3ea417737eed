import {
  dhcpNumber,
  dhcpOptions,
  dhcpTypes,
  encodeDhcp,
  findIpPacket,
  findUdp,
  formatIpv4,
  parseDhcp,
  parseIpv4,
  parseMac,
  SUPER_FRAME_ETHERNET,
  u32,
  udpFrame,
} from '@v3vee/wire';

type OptionName = keyof typeof dhcpOptions;

/** A DHCP client's message, as UDP carries it. */
export function dhcpRequest(
  mac: string,
  type: keyof typeof dhcpTypes,
  fields: {
    client?: string;
    broadcast?: boolean;
    relay?: string;
    options?: Partial<Record<OptionName, Uint8Array>>;
  } = {},
): Uint8Array {
  const { client = '0.0.0.0', relay = '0.0.0.0', broadcast = false, options = {} } = fields;
  const coded = Object.entries(options).map(([name, value]): [number, Uint8Array] => [
    dhcpOptions[name as OptionName],
    value,
  ]);
  return encodeDhcp({
    op: 1,
    transaction: 0x1234,
    broadcast,
    clientAddress: parseIpv4(client),
    yourAddress: 0,
    relayAddress: parseIpv4(relay),
    clientMac: parseMac(mac),
    options: new Map([[dhcpOptions.MESSAGE_TYPE, Uint8Array.of(dhcpTypes[type])], ...coded]),
  });
}

export const addressOption = (address: string): Uint8Array => Uint8Array.from(address.split('.').map(Number));

/** What tests look at in a server's message. */
export function readDhcp(message: Uint8Array) {
  const { op, transaction, yourAddress, clientAddress, options } = parseDhcp(message);
  const number = (name: OptionName) => dhcpNumber(options, dhcpOptions[name]);
  const address = (name: OptionName) => {
    const value = number(name);
    return value === undefined ? undefined : formatIpv4(value);
  };
  const text = (name: OptionName) => {
    const value = options.get(dhcpOptions[name]);
    return value && new TextDecoder().decode(value);
  };
  const type = options.get(dhcpOptions.MESSAGE_TYPE)?.[0];
  return {
    op,
    transaction,
    type: Object.entries(dhcpTypes).find(([, code]) => code === type)?.[0],
    your: formatIpv4(yourAddress),
    client: formatIpv4(clientAddress),
    seconds: number('LEASE_TIME'),
    server: address('SERVER_ID'),
    mask: address('SUBNET_MASK'),
    dns: address('DNS_SERVERS'),
    name: text('HOST_NAME'),
    domain: text('DOMAIN_NAME'),
    mtu: options.get(dhcpOptions.INTERFACE_MTU),
    clientId: options.get(dhcpOptions.CLIENT_ID),
    router: options.get(3),
  };
}

/** A UDP datagram from a guest, to the service or to all. */
export function guestDatagram(
  from: { mac: string; ip: string },
  to: { mac: string; ip: string; port: number },
  payload: Uint8Array,
  port = 40_000,
): Uint8Array {
  const ends = {
    sourceMac: parseMac(from.mac),
    destinationMac: parseMac(to.mac),
    source: parseIpv4(from.ip),
    destination: parseIpv4(to.ip),
  };
  return udpFrame(ends, port, to.port, payload);
}

/** A frame that must hold a whole UDP datagram. */
export function readDatagram(frame: Uint8Array) {
  const packet = findIpPacket(frame, SUPER_FRAME_ETHERNET);
  const datagram = packet && findUdp(frame, packet, true);
  if (!datagram) throw new Error(`no datagram: ${Buffer.from(frame).toString('hex')}`);
  const [from = '', to = ''] = [12, 16].map(at => formatIpv4(u32(frame, packet.start + at)));
  return { ...datagram, from, to };
}

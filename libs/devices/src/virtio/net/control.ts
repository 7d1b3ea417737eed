import { DeviceFault } from '../../platform';
import { Chain, gather, scatter, type Virtqueue } from '../queue';
import type { VirtioHost } from '../transport/device';
import type { Card } from './card';
import { macKey, receiveModes, VLANS, type ReceiveFilter } from './filter';
import { NetFeature } from './header';

/** Commands of the control queue (virtio 1.2, 5.1.6.5): class, command, then data of that command. */

/** Longest command that is read: ten times what both tables of Linux can hold. */
const MAX_COMMAND_LENGTH = 64 << 10;
const HEADER_LENGTH = 2;

const Class = { receive: 0, mac: 1, vlan: 2, announce: 3 } as const;
const FIRST_EXTRA_MODE = 2;

const OK = Uint8Array.of(0);
const ERR = Uint8Array.of(1);

/** What the commands change. */
interface Controlled {
  readonly card: Card;
  readonly filter: ReceiveFilter;
  negotiated(bit: number): boolean;
}

/** The control queue of a card: the driver sends a command and waits in a loop for the answer. */
export class ControlQueue {
  private readonly chain = new Chain();
  private readonly controlled: Controlled;

  constructor(
    private readonly host: VirtioHost,
    private readonly card: Card,
    filter: ReceiveFilter,
  ) {
    this.controlled = { card, filter, negotiated: bit => host.negotiated(bit) };
  }

  /** Answers all commands in the ring. */
  serve(queue: Virtqueue): void {
    const { chain, host, card } = this;
    for (let pending = queue.pending(); pending > 0; pending--) {
      queue.pop(chain);
      if (chain.writableBytes === 0)
        throw new DeviceFault(host.name, 'control command without room for the answer');
      const done =
        chain.readableBytes <= MAX_COMMAND_LENGTH && execute(gather(host.memory, chain), this.controlled);
      card.counters.controlCommands++;
      if (!done) card.counters.controlRefused++;
      queue.push(chain.head, scatter(host.memory, chain, done ? OK : ERR));
    }
    queue.wantNotification(true);
    if (queue.publish()) host.interrupt();
  }
}

/**
 * Carries out a command.
 * @returns false if it is refused, by which nothing changed: VIRTIO_NET_ERR
 */
function execute(command: Uint8Array, controlled: Controlled): boolean {
  if (command.length < HEADER_LENGTH) return false;
  const code = command[1]!;
  const data = command.subarray(HEADER_LENGTH);
  switch (command[0]) {
    case Class.receive:
      return setReceiveMode(code, data, controlled);
    case Class.mac:
      if (code === 0) return controlled.negotiated(NetFeature.ctrlRx) && setTables(data, controlled.filter);
      return code === 1 && setAddress(data, controlled);
    case Class.vlan:
      return setVlan(code, data, controlled);
    case Class.announce:
      if (!controlled.negotiated(NetFeature.guestAnnounce) || code !== 0 || data.length !== 0) return false;
      controlled.card.announcing = false;
      return true;
    default:
      return false;
  }
}

function setReceiveMode(code: number, data: Uint8Array, { filter, negotiated }: Controlled): boolean {
  const mode = receiveModes[code];
  if (!mode || !negotiated(code < FIRST_EXTRA_MODE ? NetFeature.ctrlRx : NetFeature.ctrlRxExtra))
    return false;
  if (data.length !== 1 || data[0]! > 1) return false;
  filter.setMode(mode, data[0] === 1);
  return true;
}

/** Two tables of `le32 entries; u8 macs[entries][6]`: unicast, then multicast. */
function setTables(data: Uint8Array, filter: ReceiveFilter): boolean {
  const unicast = readTable(data, 0);
  const multicast = unicast && readTable(data, unicast.end);
  if (multicast?.end !== data.length) return false;
  filter.setTables(unicast!.addresses, multicast.addresses);
  return true;
}

function readTable(data: Uint8Array, at: number): { addresses: number[]; end: number } | undefined {
  if (at + 4 > data.length) return undefined;
  const entries = new DataView(data.buffer, data.byteOffset).getUint32(at, true);
  const end = at + 4 + 6 * entries;
  if (end > data.length) return undefined;
  return { addresses: Array.from({ length: entries }, (_, i) => macKey(data, at + 4 + 6 * i)), end };
}

function setAddress(data: Uint8Array, { card, negotiated }: Controlled): boolean {
  if (!negotiated(NetFeature.ctrlMacAddr) || data.length !== 6) return false;
  if (data[0]! & 1 || data.every(byte => byte === 0)) return false; // a group, or nobody
  card.mac = data.slice();
  return true;
}

function setVlan(code: number, data: Uint8Array, { filter, negotiated }: Controlled): boolean {
  if (!negotiated(NetFeature.ctrlVlan) || code > 1 || data.length !== 2) return false;
  const vlan = data[0]! | (data[1]! << 8);
  if (vlan >= VLANS) return false;
  filter.setVlan(vlan, code === 0);
  return true;
}

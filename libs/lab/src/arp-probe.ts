import { randomUUID } from 'node:crypto';
import { Bus } from '@v3vee/bus';
import { vnetCalls, type Vm } from '@v3vee/contracts';
import { OverlayNode, type Port } from '@v3vee/overlay';
import { parseMac } from '@v3vee/wire';

const ARP_BYTES = 42;
const VIRTIO_HEADER = 12;
const REQUEST = 1;
const REPLY = 2;

/** An ARP request (RFC 826) for `ip`, as an Ethernet frame behind `headroom` zero bytes. */
export function arpRequest(mac: string, from: string, ip: string, headroom = VIRTIO_HEADER): Uint8Array {
  const frame = new Uint8Array(headroom + ARP_BYTES);
  const view = new DataView(frame.buffer, headroom);
  const source = parseMac(mac);
  frame.fill(0xff, headroom, headroom + 6);
  frame.set(source, headroom + 6);
  view.setUint16(12, 0x0806);
  view.setUint16(14, 1); // Ethernet
  view.setUint16(16, 0x0800); // IPv4
  view.setUint8(18, 6);
  view.setUint8(19, 4);
  view.setUint16(20, REQUEST);
  frame.set(source, headroom + 22);
  frame.set(octets(from), headroom + 28);
  frame.set(octets(ip), headroom + 38);
  return frame;
}

/** Whether a frame is the answer to such a request; `headroom` as above. */
export function isArpReply(frame: Uint8Array, ip: string, headroom = VIRTIO_HEADER): boolean {
  if (frame.length < headroom + ARP_BYTES) return false;
  const view = new DataView(frame.buffer, frame.byteOffset + headroom, ARP_BYTES);
  const sender = octets(ip);
  return (
    view.getUint16(12) === 0x0806 &&
    view.getUint16(20) === REPLY &&
    sender.every((octet, i) => view.getUint8(28 + i) === octet)
  );
}

const octets = (ip: string): number[] => (ip.split('/')[0] ?? '').split('.').map(Number);

/**
 * A host of its own on the overlay with one NIC, from which guests are asked who has their address: the first
 * moment at which a guest answers on its network, seen from outside of it.
 */
export class ArpProbe {
  private static readonly mac = '02:00:5e:ff:00:01';
  private readonly waiting = new Map<string, (at: number) => void>();
  private readonly ports = new Map<number, Promise<Port>>();

  private constructor(
    private readonly bus: Bus,
    private readonly node: OverlayNode,
    private readonly address: string,
  ) {}

  /** @param address an unused address of the networks that will be probed */
  static async start(natsUrl: string, address: string): Promise<ArpProbe> {
    const bus = await Bus.connect({ url: natsUrl, name: 'lab-probe' });
    const node = await OverlayNode.start({ bus, host: 'lab-probe' });
    return new ArpProbe(bus, node, address);
  }

  /** The number of the network that a running VM's NIC is attached to, from the router. */
  async networkOf(mac: string): Promise<number> {
    const { automatic } = await this.bus.call(vnetCalls.status, undefined, {});
    const route = automatic.find(candidate => candidate.mac === mac);
    if (!route) throw new Error(`the router has no route to ${mac}: does that VM run?`);
    return route.vni;
  }

  /** The probe's NIC on a network; plugged in at the first time. */
  join(vni: number): Promise<Port> {
    let port = this.ports.get(vni);
    if (!port) this.ports.set(vni, (port = this.plugIn(vni)));
    return port;
  }

  private async plugIn(vni: number): Promise<Port> {
    const port: Port = {
      vni,
      place: { type: 'interface', mac: ArpProbe.mac },
      vmId: randomUUID(),
      epoch: 1,
      deliver: frames => {
        const at = performance.now();
        for (const [ip, answered] of this.waiting) {
          if (frames.some(frame => isArpReply(frame, ip))) answered(at);
        }
      },
    };
    await this.node.attach(port);
    return port;
  }

  /** Asks every 5 ms; the time (`performance.now()`) of the first answer. */
  async firstAnswer(port: Port, vm: Vm, timeoutMs = 60_000): Promise<number> {
    const ip = vm.nics[0]?.ips[0]?.split('/')[0];
    if (!ip) throw new Error(`VM ${vm.name} has no address to be probed at`);
    return new Promise((resolve, reject) => {
      const end = (action: () => void) => {
        clearInterval(asking);
        clearTimeout(limit);
        this.waiting.delete(ip);
        action();
      };
      const asking = setInterval(
        () => this.node.transmit(port, [arpRequest(ArpProbe.mac, this.address, ip)]),
        5,
      );
      const limit = setTimeout(
        () => end(() => reject(new Error(`${vm.name} did not answer at ${ip}`))),
        timeoutMs,
      );
      this.waiting.set(ip, at => end(() => resolve(at)));
    });
  }

  async stop(): Promise<void> {
    await this.node.stop();
    await this.bus.close();
  }
}

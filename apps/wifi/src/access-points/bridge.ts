import { fitToWire, type NicPort, type OverlayNode } from '@v3vee/overlay';
import { formatMac, isGroupMac, SUPER_FRAME_ETHERNET, superFrameFromWire } from '@v3vee/wire';

/** Of an Ethernet; 802.11 could carry more, Linux's stations do not. */
const MTU = 1500;

export interface BridgeOptions {
  overlay: Pick<OverlayNode, 'attach' | 'detach' | 'transmit'>;
  /** Lower case with colons. */
  bssid: string;
  vni: number;
  /** Takes an Ethernet frame to the air. */
  toAir: (frame: Uint8Array) => void;
  /** A station's address that the overlay refuses; it hears nothing from there. */
  onRefused: (address: string, thrown: unknown) => void;
}

/**
 * An access point's wired side: each station that is let through is a NIC of the network, as if it were plugged in by a
 * cable, so that the overlay finds it; frames for everybody come once, by the port of the BSSID.
 */
export class Bridge {
  private readonly own: NicPort;
  private readonly stations = new Map<string, NicPort>();
  /** Frames that fit no Ethernet. */
  unfit = 0;

  constructor(private readonly options: BridgeOptions) {
    this.own = this.port(options.bssid, frames => this.deliver(frames));
  }

  /** Resolves when frames reach it from everywhere; while the router is away, it waits. */
  start(): Promise<void> {
    return this.options.overlay.attach(this.own);
  }

  stop(): void {
    for (const address of [...this.stations.keys()]) this.leave(address);
    this.detach(this.own);
  }

  /** A station's data is let through from now on. */
  join(address: string): void {
    if (this.stations.has(address)) return;
    const port = this.port(address, frames => this.deliver(frames.filter(frame => !isForAll(frame))));
    this.stations.set(address, port);
    this.options.overlay.attach(port).catch(thrown => {
      if (this.stations.get(address) === port) this.stations.delete(address);
      this.options.onRefused(address, thrown);
    });
  }

  leave(address: string): void {
    const port = this.stations.get(address);
    if (!port) return;
    this.stations.delete(address);
    this.detach(port);
  }

  /** An Ethernet frame from a station. */
  fromStation(frame: Uint8Array): void {
    const port = this.stations.get(formatMac(frame, 6));
    if (port) this.options.overlay.transmit(port, [superFrameFromWire(frame, MTU)]);
  }

  /** Nothing comes from now on; the router hears of it in time, also one that is away. */
  private detach(port: NicPort): void {
    this.options.overlay.detach(port).catch(() => undefined);
  }

  private deliver(frames: readonly Uint8Array[]): void {
    for (const frame of frames) {
      const fitted = fitToWire(frame, MTU);
      if ('frames' in fitted) {
        for (const each of fitted.frames) this.options.toAir(each);
        continue;
      }
      this.unfit++;
      if (fitted.answer) this.options.overlay.transmit(this.own, [fitted.answer]);
    }
  }

  private port(mac: string, deliver: (frames: Uint8Array[]) => void): NicPort {
    return {
      place: { type: 'interface', mac },
      vni: this.options.vni,
      vmId: idOf(mac),
      // Whoever associated last has it, whatever another incarnation of this service said.
      epoch: Math.floor(Date.now() / 1000),
      deliver,
    };
  }
}

const isForAll = (frame: Uint8Array): boolean => isGroupMac(frame, SUPER_FRAME_ETHERNET);

/** The overlay knows NICs by the VM that they are of; a station is known by its address alone. */
const idOf = (mac: string): string => `00000000-0000-4000-8000-${mac.replaceAll(':', '')}`;

import type { LinkConfig } from '@v3vee/contracts';
import { Line, type LinkPort, type Links, type OverlayNode, type Tap } from '@v3vee/overlay';

export type OverlayEnd = Pick<OverlayNode, 'attach' | 'detach' | 'transmit' | 'setLearned' | 'taps'>;

/**
 * One link's plug: its port in the overlay, the line in each direction, and where captures watch it. A capture
 * sees what passes on the wire's side of the lines: what is sent after they impair it, what arrives before.
 */
export class LinkPlug {
  private readonly out: Line;
  private readonly in: Line;
  private readonly port: LinkPort;
  private readonly tap: Tap;

  constructor(
    private readonly overlay: OverlayEnd,
    links: Pick<Links, 'send'>,
    config: LinkConfig,
  ) {
    const { index, vni } = config;
    const place = { type: 'edge', link: index } as const;
    this.tap = overlay.taps.at(vni, place);
    this.out = new Line('out', frames => {
      if (this.tap.isWatched) this.tap.see(frames, 'out');
      links.send(index, frames);
    });
    this.port = { place, vni, deliver: frames => this.out.send(frames) };
    this.in = new Line('in', frames => overlay.transmit(this.port, frames));
    this.impair(config.impairment);
  }

  get vni(): number {
    return this.port.vni;
  }

  impair(impairment: LinkConfig['impairment']): void {
    this.out.impair(impairment);
    this.in.impair(impairment);
  }

  /** Super-frames that came by the link. */
  arrived(frames: Uint8Array[]): void {
    if (this.tap.isWatched) this.tap.see(frames, 'in');
    this.in.send(frames);
  }

  /** Resolves when frames reach it from everywhere; while the router is away, it waits. */
  plugIn(): Promise<void> {
    return this.overlay.attach(this.port);
  }

  async unplug(): Promise<void> {
    this.out.stop();
    this.in.stop();
    await this.overlay.detach(this.port);
  }

  async learned(macs: readonly string[]): Promise<void> {
    await this.overlay.setLearned(this.port, macs);
  }

  /** Wire frames that the lines lost, by the reason that clients see. */
  drops(): Record<string, number> {
    return {
      'transmit-impaired': this.out.counters.lost,
      'receive-impaired': this.in.counters.lost,
      'transmit-overflow': this.out.counters.overflowed,
      'receive-overflow': this.in.counters.overflowed,
    };
  }
}

import { BeforeApplicationShutdown, Injectable } from '@nestjs/common';
import type { LinkConfig, LinkStatus } from '@v3vee/contracts';
import { Links, OverlayNode, type Health, type ListenerStatus } from '@v3vee/overlay';
import { PinoLogger } from 'nestjs-pino';
import type { LinkRunner } from '../policy/link-runner';
import { LinkPlug } from './link-plug';

/** How long a change of links waits for the router to have told all hosts, ms; it takes effect all the same. */
const ACKNOWLEDGED_WITHIN_MS = 5_000;

/**
 * Runs the links that it is told of: each is an edge of its network on the overlay's host `_links`. A link that is
 * set down is not a member of its network; one that is in trouble is, and drops what is sent to it.
 */
@Injectable()
export class LinksService implements LinkRunner, BeforeApplicationShutdown {
  private readonly links: Links;
  private readonly plugs = new Map<number, LinkPlug>();
  private readonly names = new Map<number, string>();

  constructor(
    private readonly overlay: OverlayNode,
    private readonly log: PinoLogger,
  ) {
    log.setContext('Links');
    this.links = new Links({
      events: {
        onFrames: (index, frames) => this.plugs.get(index)?.arrived(frames),
        onLearned: (index, macs) => void this.plugs.get(index)?.learned(macs).catch(this.forgive),
        onHealth: (index, health) => this.tell(index, health),
      },
    });
  }

  /** Resolves when the hosts know of the change, or after 5 s without the router's word. */
  async converge(configs: readonly LinkConfig[]): Promise<void> {
    const wanted = new Map(configs.map(config => [config.index, config]));
    const changes: Promise<void>[] = [];
    for (const index of this.links.indexes) {
      if (wanted.has(index)) continue;
      changes.push(this.unplug(index));
      this.links.remove(index);
      this.names.delete(index);
    }
    for (const [index, config] of wanted) {
      this.names.set(index, config.name);
      const plug = this.plugs.get(index);
      if (plug && (!config.up || plug.vni !== config.vni)) changes.push(this.unplug(index));
      if (config.up) changes.push(this.plugIn(config));
      this.links.set(config);
    }
    await within(Promise.all(changes), ACKNOWLEDGED_WITHIN_MS);
  }

  statuses(): LinkStatus[] {
    return this.links.statuses().map(status => {
      const { counters, index } = status;
      const dropped = { ...counters.dropped, ...this.plugs.get(index)?.drops() };
      return { ...status, counters: { ...counters, dropped } };
    });
  }

  /** Of a link that there is; otherwise its index. */
  nameOf(index: number): string {
    return this.names.get(index) ?? String(index);
  }

  listening(): ListenerStatus[] {
    return this.links.listening();
  }

  async beforeApplicationShutdown(): Promise<void> {
    // The router need not hear of it: it ends with us.
    for (const index of [...this.plugs.keys()]) void this.unplug(index);
    await this.links.close();
  }

  private async plugIn(config: LinkConfig): Promise<void> {
    const present = this.plugs.get(config.index);
    if (present) return present.impair(config.impairment);
    const plug = new LinkPlug(this.overlay, this.links, config);
    this.plugs.set(config.index, plug);
    await plug.plugIn();
  }

  private async unplug(index: number): Promise<void> {
    const plug = this.plugs.get(index);
    this.plugs.delete(index);
    await plug?.unplug();
  }

  private tell(index: number, { state, reason }: Health): void {
    const detail = { link: this.nameOf(index), state, reason };
    if (state === 'ERROR') this.log.warn(detail, 'the link cannot work; it is tried again');
    else this.log.info(detail, 'the link has changed its state');
  }

  /** A node that stops takes its promises back. */
  private readonly forgive = (error: Error) =>
    this.log.debug({ error: error.message }, 'learned addresses were not announced');
}

/** Resolves with the promise, or when its time is over. */
async function within(promise: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>(resolve => (timer = setTimeout(resolve, ms)));
  try {
    await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

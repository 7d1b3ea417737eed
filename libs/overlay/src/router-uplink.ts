import { decodeFrameBatch, FrameSender, type Bus, type TaggedFrame } from '@v3vee/bus';
import { rawSubjects } from '@v3vee/contracts';
import type { DropReason } from './counters';
import { FairQueue } from './fair-queue';
import { placeKey } from './port';

/** What may wait for a router, and how long one may take to acknowledge a batch that it took. */
const WAITING = { items: 1_024, bytes: 4 * 1024 * 1024 };
const ACKNOWLEDGE_MS = 5_000;

export interface RouterUplinkEvents {
  /** There is no router: `back` is to be called when there is one. */
  onAway: () => void;
  onDrop: (reason: DropReason, frames: number) => void;
}

/**
 * Sends frames that have no route to the router. While there is none they wait, a bounded number, shared fairly
 * between the ports; when one is back they go there in order. The server says that nobody listens ("no
 * responders"), so what is sent again has surely reached nobody: no frame is forwarded twice.
 */
export class RouterUplink {
  private readonly sender: FrameSender;
  private readonly held: FairQueue<TaggedFrame>;
  private readonly subject: string;
  private away = false;
  private stopped = false;

  constructor(
    private readonly bus: Bus,
    host: string,
    private readonly events: RouterUplinkEvents,
  ) {
    this.subject = rawSubjects.framesToRouter(host);
    this.sender = new FrameSender({ publishRaw: (_, batch) => void this.deliver(batch) });
    this.held = new FairQueue(WAITING, () => events.onDrop('queue-full', 1));
  }

  /** Frames that wait for a router. */
  get waiting(): number {
    return this.held.size;
  }

  /** Always true: a frame is sent, or it waits. It must not change until the tick ends. */
  send(frame: TaggedFrame): boolean {
    if (!this.bus.connected) this.leave();
    if (this.away) this.hold({ ...frame, frame: frame.frame.slice() });
    else this.sender.send(this.subject, frame);
    return true;
  }

  /** A router is there and knows this host's ports. */
  back(): void {
    this.away = false;
    this.held.release(frame => {
      this.sender.send(this.subject, frame);
      return true;
    });
  }

  stop(): void {
    this.sender.flush();
    this.stopped = true;
  }

  private async deliver(batch: Uint8Array): Promise<void> {
    const fate = await this.bus.deliverRaw(this.subject, batch, ACKNOWLEDGE_MS);
    if (fate === 'taken') return;
    const frames = decodeFrameBatch(batch);
    if (fate === 'unknown' || this.stopped) return this.events.onDrop('router-lost', frames.length);
    this.leave();
    for (const frame of frames) this.hold(frame);
  }

  private hold(frame: TaggedFrame): void {
    this.held.add(frame.place ? placeKey(frame.place) : '', frame, frame.frame.length);
  }

  private leave(): void {
    if (this.away || this.stopped) return;
    this.away = true;
    this.events.onAway();
  }
}

import type { IoAccess } from '@v3vee/contracts';
import type { DeviceModel } from '@v3vee/device-models';
import type { Hook } from './hook-list';
import type { GuestTraceEvent } from './messages';

const CLASSES = ['open', 'shadow', 'exit'] as const;
/** Events that wait for the next flush; later ones are lost and counted. */
const MAX_WAITING = 20_000;

/** Tells what happens at a card, decoded, while somebody wants to know. */
export class Trace {
  on = false;
  private events: GuestTraceEvent[] = [];
  private dropped = 0;

  constructor(
    private readonly model: DeviceModel,
    private readonly send: (events: GuestTraceEvent[], dropped: number) => void,
  ) {}

  access(access: IoAccess, hook: Hook): void {
    const { direction, offset, size, value } = access;
    this.push({
      event: direction,
      register: this.model.registerName(access),
      ...{ offset, size, value },
      class: CLASSES[hook],
      detail: this.model.describe(access),
    });
  }

  interrupt(): void {
    this.note('interrupt', '');
  }

  frame(length: number): void {
    this.note('frame', `${length} bytes arrive`);
  }

  switched(detail: string): void {
    this.note('switch', detail);
  }

  violation(reason: string): void {
    this.note('violation', reason);
  }

  flush(): void {
    if (this.events.length === 0) return;
    this.send(this.events, this.dropped);
    this.events = [];
    this.dropped = 0;
  }

  private note(event: GuestTraceEvent['event'], detail: string): void {
    this.push({ event, register: '', offset: null, size: null, value: null, class: null, detail });
  }

  private push(event: Omit<GuestTraceEvent, 'atUs'>): void {
    if (!this.on) return;
    if (this.events.length >= MAX_WAITING) this.dropped++;
    else
      this.events.push({ atUs: Math.round((performance.timeOrigin + performance.now()) * 1000), ...event });
  }
}

import type { Bus, Stoppable } from '@v3vee/bus';
import { palaciosVpioCalls, rawSubjects, V3Error, type CardModel } from '@v3vee/contracts';
import type { Log } from '../lifecycle/ports';
import type { CardFigures } from './account';
import { DmmLink } from './dmm-link';
import { PhysicalCard, type Questions, type Seat } from './physical-card';

/** A trace that nobody renews ends by itself. */
const TRACE_MS = 10_000;

interface Trace {
  nic: string;
  timer: NodeJS.Timeout;
  dropped: number;
}

/** The physical cards of one host: made when a VM first uses them, and served to the DMM. */
export class HostDevices implements Stoppable {
  readonly #cards = new Map<string, PhysicalCard>();
  readonly #traces = new Map<string, Trace>();
  readonly #dmm: DmmLink;
  readonly #served: Stoppable[];

  constructor(
    private readonly bus: Bus,
    private readonly host: string,
    log: Log,
  ) {
    this.#dmm = new DmmLink(bus, host, log);
    this.#served = [
      bus.serve(palaciosVpioCalls.inventory, host, async () => ({
        devices: await Promise.all([...this.#cards.values()].map(card => card.inventory())),
      })),
      bus.serve(palaciosVpioCalls.switch, host, ({ nic, to, ...options }) =>
        this.#find(nic).switch(to, options),
      ),
      bus.serve(palaciosVpioCalls.trace, host, ({ id, nic, on }) => this.#trace(id, nic, on)),
      this.#dmm,
    ];
  }

  stop(): void {
    for (const stoppable of this.#served) stoppable.stop();
    for (const { timer } of this.#traces.values()) clearTimeout(timer);
    this.#traces.clear();
  }

  /** The card of that name. @throws V3Error DEVICE_MISMATCH: it is in use as another kind of card */
  card(nic: string, model: CardModel): PhysicalCard {
    const present = this.#cards.get(nic);
    if (present?.model === model) return present;
    if (present?.isUsed) {
      throw new V3Error('DEVICE_MISMATCH', `${nic} is in use as a ${present.model}, not as a ${model}`);
    }
    const questions: Questions = {
      wish: (seat, wish) => this.#dmm.wish(seat, wish),
      satisfied: seat => this.#dmm.satisfied(seat),
      exit: (seat, exit) => this.#dmm.exit(seat, exit),
      violation: (seat, violation) => this.#dmm.violation(seat, violation),
      left: seat => this.#dmm.left(seat),
      trace: (seat, { events, dropped }) => this.#publish(seat, events, dropped),
    };
    const card = new PhysicalCard(nic, model, questions);
    this.#cards.set(nic, card);
    return card;
  }

  /** By name, for who watches. */
  figures(): Promise<{ nic: string; figures: CardFigures }[]> {
    const cards = [...this.#cards.values()];
    return Promise.all(cards.map(async card => ({ nic: card.nic, figures: await card.figures() })));
  }

  #find(nic: string): PhysicalCard {
    const card = this.#cards.get(nic);
    if (!card) throw new V3Error('DEVICE_NOT_FOUND', `no VM of this host uses a device ${nic}`);
    return card;
  }

  #trace(id: string, nic: string, on: boolean): { dropped: number } {
    const present = this.#traces.get(id);
    if (present) clearTimeout(present.timer);
    if (!on) {
      this.#traces.delete(id);
      this.#retrace(nic);
      return { dropped: present?.dropped ?? 0 };
    }
    this.#find(nic);
    const timer = setTimeout(() => this.#trace(id, nic, false), TRACE_MS).unref();
    this.#traces.set(id, { nic, timer, dropped: present?.dropped ?? 0 });
    if (!present) this.#retrace(nic);
    return { dropped: present?.dropped ?? 0 };
  }

  #retrace(nic: string): void {
    const wanted = [...this.#traces.values()].some(trace => trace.nic === nic);
    this.#cards.get(nic)?.trace(wanted);
  }

  #publish(seat: Seat, events: readonly object[], dropped: number): void {
    const lines = events.map(event => JSON.stringify({ vm: seat.guest.vmId, ...event })).join('\n');
    const bytes = new TextEncoder().encode(`${lines}\n`);
    for (const [id, trace] of this.#traces) {
      if (trace.nic !== seat.card.nic) continue;
      trace.dropped += dropped;
      for (const part of chunks(bytes)) this.bus.publishRaw(rawSubjects.trace(this.host, id), part);
    }
  }
}

/** Messages of NATS have at most 1 MiB; a line is never cut. */
function* chunks(bytes: Uint8Array, most = 512 << 10): Generator<Uint8Array> {
  for (let start = 0; start < bytes.length;) {
    let end = Math.min(start + most, bytes.length);
    if (end < bytes.length) end = bytes.lastIndexOf(0x0a, end) + 1;
    yield bytes.subarray(start, end);
    start = end;
  }
}

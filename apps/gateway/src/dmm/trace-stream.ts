import { randomUUID } from 'node:crypto';
import type { Bus } from '@v3vee/bus';
import { palaciosVpioCalls, rawSubjects, traceEvent, type TraceEvent } from '@v3vee/contracts';
import { ClientStream, jsonLines, type ClientStreamOptions } from '../streams/client-stream';

/** The host ends a trace that is not renewed for 10 s; one lost renewal must not end it. */
const RENEW_MS = 3_000;
const CALL_MS = 3_000;

export interface TraceStreamOptions extends ClientStreamOptions {
  bus: Bus;
  host: string;
  nic: string;
  /** @throws V3Error DEVICE_NOT_FOUND when the device is no more */
  locate: () => Promise<unknown>;
  /** Of VMs, by id. */
  names: () => Promise<ReadonlyMap<string, string>>;
}

/**
 * One trace of a device, from its host to one client, as JSON lines.
 *
 * A host that is restarted goes on under the same trace: nothing comes meanwhile. It ends with the client, or when the
 * device is declared no more; the last line then says why. Between the events stands how many were lost, whenever
 * that grew.
 */
export class TraceStream extends ClientStream<Uint8Array, TraceEvent> {
  private readonly id: string;
  private names: ReadonlyMap<string, string> = new Map();
  private isNameMissing = false;
  /** Lost by its host, as that counts since it last began, and before. */
  private lostNow = 0;
  private lostBefore = 0;
  private toldDropped = 0;

  constructor(private readonly options: TraceStreamOptions) {
    const id = randomUUID();
    const subject = rawSubjects.trace('*', id);
    super({ renewMs: RENEW_MS, ...options }, take => options.bus.subscribeRaw(subject, take));
    this.id = id;
  }

  protected async begin(): Promise<void> {
    await this.options.bus.flush();
    await this.options.locate();
    this.names = await this.options.names();
    await this.serve();
  }

  protected decode(bytes: Uint8Array): (TraceEvent | undefined)[] {
    return new TextDecoder()
      .decode(bytes)
      .split('\n')
      .filter(line => line !== '')
      .map(parseEvent);
  }

  protected encode(events: TraceEvent[]): string {
    return jsonLines(events.map(event => this.named(event)));
  }

  protected farewell(reason: string): void {
    this.status(reason);
  }

  protected override async renew(): Promise<void> {
    const { locate, names } = this.options;
    const look = async () => {
      await locate();
      if (this.isNameMissing) this.names = await names();
      this.isNameMissing = false;
      return true;
    };
    if (!(await this.stillThere(look, 'DEVICE_NOT_FOUND', true))) return;
    // A host that is away, or was restarted, is asked again at the next turn.
    await this.serve().catch(() => undefined);
    if (!this.isOver && !this.isBehind && this.dropped > this.toldDropped) this.status(null);
  }

  protected leave(): void {
    const { bus, host, nic } = this.options;
    // It ends by itself when this is lost.
    bus
      .call(palaciosVpioCalls.trace, host, { id: this.id, nic, on: false }, { timeoutMs: CALL_MS })
      .catch(() => undefined);
  }

  /** The same call begins and renews it: at a host that was restarted it begins again. */
  private async serve(): Promise<void> {
    const { bus, host, nic } = this.options;
    const request = { id: this.id, nic, on: true };
    const { dropped } = await bus.call(palaciosVpioCalls.trace, host, request, { timeoutMs: CALL_MS });
    if (dropped < this.lostNow) this.lostBefore += this.lostNow;
    this.lostNow = dropped;
    if (this.isOver) this.leave();
  }

  private get dropped(): number {
    return this.lostBefore + this.lostNow + this.leftOut;
  }

  private named(event: TraceEvent): TraceEvent {
    const vm = this.names.get(event.vm);
    if (vm === undefined) this.isNameMissing = true;
    return { ...event, vm: vm ?? event.vm };
  }

  private status(ended: string | null): void {
    this.toldDropped = this.dropped;
    this.out.write(jsonLines([{ delivered: this.delivered, dropped: this.dropped, ended }]));
  }
}

function parseEvent(line: string): TraceEvent | undefined {
  try {
    return traceEvent.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}

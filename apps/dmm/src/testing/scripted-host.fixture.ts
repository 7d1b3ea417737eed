import { randomUUID } from 'node:crypto';
import type { Bus, Stoppable } from '@v3vee/bus';
import {
  dmmCalls,
  dmmHello,
  palaciosHeartbeat,
  palaciosVpioCalls,
  V3Error,
  type CardAccess,
  type CardModel,
  type DeviceInventory,
} from '@v3vee/contracts';
import { modelOf } from '@v3vee/device-models';
import type { SwitchRequest, SwitchResponse } from '../cards/switcher';
import { savedContext } from './saved-context.fixture';

export interface ScriptedGuest {
  vmId: string;
  epoch: number;
  memorySize: number;
  access: CardAccess;
  state: Record<string, unknown>;
  /** It wants the card again whenever it loses it. */
  greedy: boolean;
  wish: { why: 'access' | 'frame'; since: number } | undefined;
}

/** A switch as a host saw it; times of its own clock, ms. */
export interface SeenSwitch {
  to: string | undefined;
  from: string | undefined;
  request: SwitchRequest;
  asked: number;
  made: number;
}

/**
 * A host with one card at the protocol's boundary: it says what Palacios says and switches as Palacios does, one at a
 * time. There is no guest behind it; wishes and exits are the test's.
 */
export class ScriptedHost {
  readonly guests = new Map<string, ScriptedGuest>();
  readonly switches: SeenSwitch[] = [];
  holder: ScriptedGuest | undefined;
  incarnation = randomUUID();
  /** Called before each switch is made: waits or throws as the test wants. */
  obstacle: (request: SwitchRequest) => Promise<void> | void = () => undefined;
  /** It hears what it is asked, and says nothing. */
  isMute = false;
  /** What became of wishes that the DMM refused. */
  readonly refused: V3Error[] = [];
  private turn: Promise<unknown> = Promise.resolve();
  private readonly served: Stoppable[];

  constructor(
    private readonly bus: Bus,
    readonly name: string,
    readonly model: CardModel = 'ne2000',
    readonly nic = 'eth0',
  ) {
    this.served = [
      bus.serve(palaciosVpioCalls.inventory, name, () =>
        this.isMute ? new Promise<never>(() => undefined) : { devices: [this.inventory()] },
      ),
      bus.serve(palaciosVpioCalls.switch, name, request => this.switch(request)),
      bus.listen(dmmHello, undefined, () => {
        for (const guest of this.guests.values()) if (guest.wish) void this.acquire(guest);
      }),
    ];
  }

  stop(): void {
    for (const stoppable of this.served) stoppable.stop();
    this.guests.clear();
  }

  add(more: Partial<ScriptedGuest> = {}): ScriptedGuest {
    const guest: ScriptedGuest = {
      ...{
        vmId: randomUUID(),
        epoch: 1,
        memorySize: 64 << 20,
        access: 'vpio',
        greedy: false,
        wish: undefined,
      },
      state: modelOf(this.model).initialState() as Record<string, unknown>,
      ...more,
    };
    this.guests.set(guest.vmId, guest);
    return guest;
  }

  want(guest: ScriptedGuest, why: 'access' | 'frame' = 'access'): Promise<void> {
    guest.wish ??= { why, since: performance.now() };
    return this.acquire(guest);
  }

  /** The wish as it is, whether there is one or not. */
  async acquire(guest: ScriptedGuest, why = guest.wish?.why ?? 'access'): Promise<void> {
    const { access, state, memorySize } = guest;
    const request = { ...this.sharer(guest), access, why, model: this.model, state, memorySize };
    await this.bus.call(dmmCalls.acquire, this.name, request).catch((error: V3Error) => {
      this.refused.push(error);
    });
  }

  /** Its machine is gone. */
  async leave(guest: ScriptedGuest): Promise<void> {
    this.guests.delete(guest.vmId);
    if (this.holder === guest) this.holder = undefined;
    await this.bus.call(dmmCalls.release, this.name, this.sharer(guest));
  }

  sharer({ vmId, epoch }: Pick<ScriptedGuest, 'vmId' | 'epoch'>) {
    return { nic: this.nic, vmId, epoch };
  }

  /** As each second. */
  beat(): void {
    const { name: host, incarnation } = this;
    this.bus.announce(palaciosHeartbeat, host, { host, incarnation, vms: [] });
  }

  /** Who got the card, in order. */
  get turns(): (string | undefined)[] {
    return this.switches.map(({ to }) => to);
  }

  private switch(request: SwitchRequest): Promise<SwitchResponse> {
    const asked = performance.now();
    const work = this.turn.then(() => this.make(request, asked));
    this.turn = work.catch(() => undefined);
    return work;
  }

  private async make(request: SwitchRequest, asked: number): Promise<SwitchResponse> {
    if (this.isMute) await new Promise<never>(() => undefined);
    if (request.nic !== this.nic) throw new V3Error('DEVICE_NOT_FOUND', `there is no ${request.nic}`);
    const guest = request.to && this.guests.get(request.to.vmId);
    if (request.to && guest?.epoch !== request.to.epoch) {
      throw new V3Error('VM_NOT_FOUND', 'it shares the card no more');
    }
    await this.obstacle(request);
    const from = this.holder;
    if (from && from === guest) return { durationMs: 0, forced: false, saved: null };
    // A thread that loses the card is at its next access before the switch is over.
    if (from?.greedy) void this.want(from);
    this.holder = guest ?? undefined;
    if (guest) guest.wish = undefined;
    const made = performance.now();
    this.switches.push({ to: guest?.vmId, from: from?.vmId, request, asked, made });
    const saved = from ? { vmId: from.vmId, epoch: from.epoch, ...savedContext() } : null;
    return { durationMs: made - asked, forced: false, saved };
  }

  private inventory(): DeviceInventory {
    const { nic, model, holder } = this;
    const now = performance.now();
    const guests = [...this.guests.values()];
    const name = ({ vmId, epoch }: ScriptedGuest) => ({ vmId, epoch });
    const none = { count: 0, minMs: 0, p50Ms: 0, p99Ms: 0, maxMs: 0 };
    return {
      ...{ nic, model, holder: holder ? name(holder) : null },
      use: holder ? { access: holder.access, state: holder.state, memorySize: holder.memorySize } : null,
      waiting: guests
        .flatMap(guest => (guest.wish ? [{ guest, ...guest.wish }] : []))
        .sort((a, b) => a.since - b.since)
        .map(({ guest, why, since }) => ({ ...name(guest), why, waitedMs: now - since })),
      guests: guests.map(guest => ({ ...name(guest), access: guest.access, heldMs: 0 })),
      account: {
        ...{ registers: [], exits: none, switches: none, forced: 0, interrupts: 0, denied: 0 },
        frames: { received: 0, transmitted: 0, held: 0, dropped: 0, spoofed: 0 },
      },
    };
  }
}

import { serialize } from 'node:v8';
import {
  V3Error,
  type CardAccess,
  type CardModel,
  type DeviceInventory,
  type DmaWindow,
  type HookRule,
} from '@v3vee/contracts';
import type { FromSharedCard, ModelState, SharedCardAccount, Sharing, ToSharedCard } from '@v3vee/machine';
import { patiently } from '../lifecycle/within';
import { deviceAccount, ended, merged, type CardFigures } from './account';
import { DurationLog } from './durations';

/** How long a thread has to let a card go once it is told to at any price, and to take one; it looks every some ms. */
const THREAD_MS = 5_000;
/** How long an account is waited for; the last one known serves otherwise. */
const ACCOUNT_MS = 1_000;

/** A guest at a card, seen from outside of its thread. */
export interface CardGuest {
  vmId: string;
  epoch: number;
  /** Bytes of RAM. */
  memorySize: number;
  access: CardAccess;
}

/** The way into a guest's thread, to one of its cards. */
export interface CardEnd {
  tell(message: ToSharedCard): void;
  account(): Promise<SharedCardAccount | null>;
}

/** What a shared card's guests want of the DMM. */
export interface Questions {
  wish(seat: Seat, wish: Extract<FromSharedCard, { kind: 'wish' }>): void;
  /** It has the card, or is gone: it wishes for nothing any more. */
  satisfied(seat: Seat): void;
  exit(seat: Seat, exit: Extract<FromSharedCard, { kind: 'exit' }>): void;
  violation(seat: Seat, violation: Extract<FromSharedCard, { kind: 'violation' }>): void;
  left(seat: Seat): void;
  trace(seat: Seat, trace: Extract<FromSharedCard, { kind: 'trace' }>): void;
}

/** One guest's place at a card, from before its machine is made until that is closed. */
export interface Seat {
  guest: CardGuest;
  /** Whether the DMM knows of it: it need not hear that a guest left which never wanted anything. */
  heard: boolean;
  readonly card: PhysicalCard;
  readonly ticket: number;
  end: CardEnd | undefined;
  /** What the card's model knows of the guest, as it was told last. */
  state: ModelState | undefined;
  wishedAt: number | undefined;
  why: 'access' | 'frame';
  heldMs: number;
  heldSince: number | undefined;
  account: SharedCardAccount | undefined;
}

export interface SwitchResult {
  durationMs: number;
  forced: boolean;
  saved: { vmId: string; epoch: number; bytes: number; context: string } | null;
}

/** Whom a card is given to, and what hooks and windows are for. */
type Target = { vmId: string; epoch: number; state: ModelState } | null;

type Silicon = Extract<FromSharedCard, { kind: 'released' }>['silicon'];
type Released = Extract<FromSharedCard, { kind: 'released' }>;
type Grant = Extract<ToSharedCard, { kind: 'grant' }>;

/**
 * A physical card of this host and the guests that share it. Who has it is one word, which their threads look at before
 * each access; only this class writes it. The DMM decides who gets it, this carries it out: call it back, wait until it
 * is let go, hand it over.
 */
export class PhysicalCard {
  readonly #word = new SharedArrayBuffer(4);
  readonly #owner = new Int32Array(this.#word);
  readonly #seats = new Map<number, Seat>();
  /** Of guests that have gone. */
  #gone = merged([]);
  readonly #switches = new DurationLog();
  #forced = 0;
  #tickets = 0;
  #holder: Seat | undefined;
  /** What the last holder left in it; null: nothing, as after power-on. */
  #silicon: Silicon | null = null;
  /** One switch at a time. */
  #turn: Promise<unknown> = Promise.resolve();
  #released: ((released: Released | undefined) => void) | undefined;
  #granted: (() => void) | undefined;
  #traced = false;

  constructor(
    readonly nic: string,
    readonly model: CardModel,
    private readonly questions: Questions,
  ) {}

  // guests

  get isUsed(): boolean {
    return this.#seats.size > 0;
  }

  /**
   * A place for a machine that is being made.
   * @throws V3Error DEVICE_IN_USE: another VM has the card alone, or would have to share it with a VM that wants it alone
   */
  seat(guest: CardGuest): Seat {
    const alone = (access: CardAccess) => access === 'passthrough';
    const other = [...this.#seats.values()].find(
      seat => seat.guest.vmId !== guest.vmId && (alone(guest.access) || alone(seat.guest.access)),
    );
    if (other) {
      throw new V3Error(
        'DEVICE_IN_USE',
        `device ${this.nic} is used by VM ${other.guest.vmId} (${other.guest.access}), and a card that is passed through is one VM's alone`,
      );
    }
    const seat: Seat = {
      ...{
        guest,
        card: this,
        ticket: ++this.#tickets,
        end: undefined,
        why: 'access',
        heldMs: 0,
        heard: false,
      },
      ...{ wishedAt: undefined, heldSince: undefined, account: undefined, state: undefined },
    };
    this.#seats.set(seat.ticket, seat);
    if (alone(guest.access)) seat.heldSince = performance.now();
    return seat;
  }

  /** What the guest's machine is made with; undefined: the card is its own. */
  sharing({ guest, ticket }: Seat): Sharing | undefined {
    return guest.access === 'passthrough' ? undefined : { access: guest.access, word: this.#word, ticket };
  }

  attach(seat: Seat, end: CardEnd): void {
    seat.end = end;
    if (this.#traced) end.tell({ kind: 'trace', on: true });
  }

  /** Its machine is gone, and with it what was in the card if it had it: the next guest finds it as after power-on. */
  leave(seat: Seat): void {
    if (!this.#seats.delete(seat.ticket)) return;
    if (seat.account) this.#gone = ended(this.#gone, seat.account);
    this.#keepOf(seat);
    seat.end = undefined;
    if (this.#holder === seat) {
      this.#hold(undefined);
      this.#silicon = null;
      this.#released?.(undefined);
    }
    this.questions.satisfied(seat);
    // While one machine takes another's place, the VM shares the card still.
    const stays = [...this.#seats.values()].some(({ guest }) => guest.vmId === seat.guest.vmId);
    if (seat.heard && !stays) this.questions.left(seat);
  }

  /** Another epoch's from now on: the DMM hears of it with the next wish. */
  renew(seat: Seat, epoch: number): void {
    seat.guest = { ...seat.guest, epoch };
  }

  /** From a guest's thread. */
  received(seat: Seat, message: FromSharedCard): void {
    if (!this.#seats.has(seat.ticket)) return;
    switch (message.kind) {
      case 'wish':
        seat.heard = true;
        seat.wishedAt ??= performance.now();
        seat.why = message.why;
        seat.state = message.state;
        return this.questions.wish(seat, message);
      case 'released':
        if (seat !== this.#holder) return;
        return this.#released ? this.#released(message) : this.#returned(seat, message);
      case 'granted':
        if (seat === this.#holder) this.#granted?.();
        return;
      case 'exit':
        seat.state = message.state;
        return this.questions.exit(seat, message);
      case 'violation':
        return this.questions.violation(seat, message);
      case 'trace':
        return this.questions.trace(seat, message);
    }
  }

  /** Nobody called it back: its guest was reset or restored, and will ask for it as what it is then. */
  #returned(seat: Seat, { silicon }: Released): void {
    this.#hold(undefined);
    this.#silicon = silicon;
    this.#granted?.();
    seat.heard = false;
    this.questions.left(seat);
  }

  // switching

  /**
   * Takes the card from whoever has it and gives it to `to`, or to nobody.
   * @throws V3Error VM_NOT_FOUND: `to` has no machine that shares it; then the card stays where it is
   */
  switch(
    to: Target,
    options: { reusableMs: number; hooks: HookRule[]; windows: DmaWindow[] },
  ): Promise<SwitchResult> {
    const work = this.#turn.then(() => this.#switch(to, options));
    this.#turn = work.catch(() => undefined);
    return work;
  }

  async #switch(
    to: Target,
    { reusableMs, hooks, windows }: { reusableMs: number; hooks: HookRule[]; windows: DmaWindow[] },
  ): Promise<SwitchResult> {
    const started = performance.now();
    const target = to === null ? undefined : this.#seatOf(to);
    const from = this.#holder;
    if (target) target.heard = true;
    if (target && from === target) return { durationMs: 0, forced: false, saved: null };
    const released = from && (await this.#callBack(from, reusableMs));
    if (to && target) await this.#grant(target, { state: to.state, hooks, windows });
    const durationMs = performance.now() - started;
    const forced = released?.forced ?? false;
    if (from) this.#switches.add(durationMs);
    if (forced) this.#forced++;
    return { durationMs, forced, saved: from && released ? saved(from, released) : null };
  }

  async #callBack(seat: Seat, reusableMs: number): Promise<Released | undefined> {
    const answer = new Promise<Released | undefined>(resolve => (this.#released = resolve));
    Atomics.store(this.#owner, 0, -seat.ticket);
    seat.end?.tell({ kind: 'recall', force: false });
    if (!(await patiently(reusableMs, answer))) {
      seat.end?.tell({ kind: 'recall', force: true });
      await patiently(THREAD_MS, answer);
    }
    // a thread that has not answered by now is stuck: its guest goes without the card, which is reset
    const released = await Promise.race([answer, Promise.resolve(undefined)]);
    this.#released = undefined;
    this.#silicon = released?.silicon ?? null;
    if (this.#holder === seat) this.#hold(undefined);
    return released;
  }

  async #grant(seat: Seat, list: Pick<Grant, 'state' | 'hooks' | 'windows'>): Promise<void> {
    // It left meanwhile: the DMM has heard that, and nobody has the card.
    if (!seat.end) return;
    const taken = new Promise<void>(resolve => (this.#granted = resolve));
    this.#hold(seat);
    this.questions.satisfied(seat);
    seat.end.tell({ kind: 'grant', silicon: this.#silicon, ...list });
    await patiently(THREAD_MS, taken);
    this.#granted = undefined;
  }

  #hold(seat: Seat | undefined): void {
    if (this.#holder) this.#keepOf(this.#holder);
    this.#holder = seat;
    Atomics.store(this.#owner, 0, seat?.ticket ?? 0);
    if (!seat) return;
    seat.heldSince = performance.now();
    seat.wishedAt = undefined;
  }

  #keepOf(seat: Seat): void {
    if (seat.heldSince !== undefined) seat.heldMs += performance.now() - seat.heldSince;
    seat.heldSince = undefined;
  }

  /** The machine that asks; while one replaces another, a VM has two. */
  #seatOf({ vmId, epoch }: { vmId: string; epoch: number }): Seat {
    const seats = [...this.#seats.values()].filter(
      ({ guest, end }) => guest.vmId === vmId && guest.epoch === epoch && end !== undefined,
    );
    const seat = seats.find(({ wishedAt }) => wishedAt !== undefined) ?? seats.at(-1);
    if (!seat) throw notHere(this.nic, vmId);
    return seat;
  }

  // for people

  trace(on: boolean): void {
    this.#traced = on;
    for (const { end } of this.#seats.values()) end?.tell({ kind: 'trace', on });
  }

  async figures(): Promise<CardFigures> {
    await Promise.all([...this.#seats.values()].map(seat => patiently(ACCOUNT_MS, readAccount(seat))));
    // Those that are seated now: one that left meanwhile counts among the gone.
    const accounts = [...this.#seats.values()].flatMap(({ account }) => account ?? []);
    const all = merged([this.#gone, ...accounts]);
    const switches = { switches: this.#switches.summary(), forced: this.#forced };
    return {
      account: deviceAccount(all, switches),
      exitsMs: all.exitsMs,
      switchesMs: this.#switches.totalMs,
    };
  }

  async inventory(): Promise<DeviceInventory> {
    const { account } = await this.figures();
    const seats = [...this.#seats.values()];
    const now = performance.now();
    const name = ({ guest: { vmId, epoch } }: Seat) => ({ vmId, epoch });
    const alone = seats.find(({ guest }) => guest.access === 'passthrough');
    const holder = this.#holder ?? alone;
    return {
      nic: this.nic,
      model: this.model,
      holder: holder ? name(holder) : null,
      use: this.#holder ? useOf(this.#holder) : null,
      waiting: seats
        .filter(({ wishedAt }) => wishedAt !== undefined)
        .sort((a, b) => a.wishedAt! - b.wishedAt!)
        .map(seat => ({ ...name(seat), why: seat.why, waitedMs: now - seat.wishedAt! })),
      guests: seats.map(seat => ({
        ...name(seat),
        access: seat.guest.access,
        heldMs: seat.heldMs + (seat.heldSince === undefined ? 0 : now - seat.heldSince),
      })),
      account,
    };
  }
}

async function readAccount(seat: Seat): Promise<void> {
  const account = await seat.end?.account().catch(() => null);
  if (account) seat.account = account;
}

const useOf = ({ state, guest: { access, memorySize } }: Seat) =>
  state ? { access, state, memorySize } : null;

function saved({ guest: { vmId, epoch } }: Seat, { context }: Released): SwitchResult['saved'] {
  if (!context) return null;
  const bytes = serialize(context);
  return { vmId, epoch, bytes: bytes.length, context: bytes.toString('base64') };
}

const notHere = (nic: string, vmId: string) =>
  new V3Error('VM_NOT_FOUND', `VM ${vmId} has no machine that shares ${nic}`);

import type { CardModel, DmaWindow } from '@v3vee/contracts';
import { modelOf, type DeviceModel } from '@v3vee/device-models';
import { ensureTemplate } from '../template/template';
import type { Guests } from './guests.fixture';
import type { FromSharedCard, Guest } from '../index';

export const DRIVERS = { ne2000: 'ne2k-pci', rtl8139: '8139too', 'rtl8139c+': '8139cp' } as const;
/** How long a guest keeps the card when another one waits. */
const SLICE_MS = 5;
/** How long a guest that is called back may take to become reusable. */
const REUSABLE_MS = 250;
const MEMORY_MIB = 64;

export const macOf = (index: number) => `02:00:00:00:09:0${index}`;
export const ipOf = (index: number) => `10.9.0.${index + 1}`;

interface Sharer {
  guest: Guest;
  /** What its model knows. */
  state: unknown;
  /** All that its card was ever allowed to write to. */
  opened: DmaWindow[];
}

/**
 * One physical card, the guests that share it, and the segment that it and other guests' own cards are plugged into. The
 * VMM's part, which hands the card over, and the DMM's, which decides, are a few lines here: what is tested is what
 * happens in the guests' threads, with Debian's unmodified drivers.
 */
export class Segment {
  private readonly word = new SharedArrayBuffer(4);
  private readonly owner = new Int32Array(this.word);
  private readonly bounds = { memorySize: MEMORY_MIB << 20 };
  private readonly model: DeviceModel;
  private readonly sharers = new Map<number, Sharer>();
  private readonly ports = new Map<string, Guest>();
  private silicon: Extract<FromSharedCard, { kind: 'released' }>['silicon'] | null = null;
  private holder = 0;
  private waiting: number[] = [];
  private sliceIsOver = false;
  private force: NodeJS.Timeout | undefined;
  switches = 0;
  forced = 0;
  denied = 0;

  constructor(
    readonly card: CardModel,
    private readonly guests: Guests,
  ) {
    this.model = modelOf(card);
  }

  /** A running guest with the address `ipOf(index)`: it shares the card, or has one of its own on the segment. */
  async start(index: number, use: 'shares' | 'alone'): Promise<Guest> {
    const shared = use === 'shares';
    const ticket = index + 1;
    const sharing = shared ? ({ access: 'vpio', word: this.word, ticket } as const) : undefined;
    const source = { ...this.guests.template, nicCount: 0, cards: [{ model: this.card, shared }] };
    const cards = [{ model: this.card, mac: macOf(index), sharing }];
    const guest = await this.guests.create(index, { memoryMiB: MEMORY_MIB, nics: [], cards });
    if (shared) this.share(guest, ticket);
    this.plug(guest, index);
    await guest.load(await ensureTemplate(source));
    await guest.run();
    const nic = { mac: macOf(index), cidr: `${ipOf(index)}/24`, mtu: 1500, driver: DRIVERS[this.card] };
    await guest.config.configure({ hostname: `vm${index}`, nics: [nic] });
    return guest;
  }

  /** Memory that a guest's card was ever allowed to write to. */
  opened(index: number): readonly Pick<DmaWindow, 'address' | 'length'>[] {
    return this.sharers.get(index + 1)?.opened ?? [{ address: 0, length: this.bounds.memorySize }];
  }

  private plug(guest: Guest, index: number): void {
    this.ports.set(macOf(index), guest);
    guest.onCardFrames((_, frames) => {
      for (const frame of frames) {
        const to = Buffer.from(frame.subarray(0, 6))
          .toString('hex')
          .replace(/..(?=.)/g, '$&:');
        for (const [mac, other] of this.ports) {
          if (other !== guest && (mac === to || frame[0]! & 1)) other.sendCardFrames(0, [frame]);
        }
      }
    });
  }

  private share(guest: Guest, ticket: number): void {
    this.sharers.set(ticket, { guest, state: this.model.initialState(), opened: [] });
    guest.onSharedCard((_, message) => this.told(ticket, message));
    guest.onExit(() => this.left(ticket));
  }

  private told(ticket: number, message: FromSharedCard): void {
    const sharer = this.sharers.get(ticket)!;
    switch (message.kind) {
      case 'wish':
        sharer.state = message.state;
        if (!this.waiting.includes(ticket)) this.waiting.push(ticket);
        if (this.holder === 0) return this.next();
        return this.callBack();
      case 'granted':
        return void setTimeout(() => {
          if (this.holder !== ticket) return;
          this.sliceIsOver = true;
          this.callBack();
        }, SLICE_MS);
      case 'released':
        this.silicon = message.silicon;
        if (message.forced) this.forced++;
        return this.next();
      case 'exit': {
        const { access, sequence } = message;
        const before = this.model.checkState(message.state);
        const { state, denied } = this.model.observe(before, access, this.bounds);
        if (denied) this.denied++;
        const verdict = denied ? 'deny' : 'proceed';
        const answer = { kind: 'verdict', sequence, verdict, reason: verdict } as const;
        return sharer.guest.tellSharedCard(0, { ...answer, ...this.listFor(sharer, state) });
      }
      case 'violation': {
        this.denied++;
        const { sequence } = message;
        return sharer.guest.tellSharedCard(0, { kind: 'verdict', sequence, verdict: 'deny', reason: 'deny' });
      }
    }
  }

  private next(): void {
    clearTimeout(this.force);
    const ticket = this.waiting.shift() ?? 0;
    Atomics.store(this.owner, 0, ticket);
    this.holder = ticket;
    if (ticket === 0) return;
    this.switches++;
    this.sliceIsOver = false;
    const sharer = this.sharers.get(ticket)!;
    const list = this.listFor(sharer, this.model.checkState(sharer.state));
    sharer.guest.tellSharedCard(0, { kind: 'grant', silicon: this.silicon, ...list });
  }

  private callBack(): void {
    const { holder } = this;
    if (!this.sliceIsOver || this.waiting.length === 0 || this.owner[0] === -holder) return;
    Atomics.store(this.owner, 0, -holder);
    const recall = (force: boolean) =>
      this.sharers.get(holder)!.guest.tellSharedCard(0, { kind: 'recall', force });
    recall(false);
    this.force = setTimeout(() => recall(true), REUSABLE_MS);
  }

  /** Its thread is gone: the next guest finds the card as after power-on. */
  private left(ticket: number): void {
    this.waiting = this.waiting.filter(each => each !== ticket);
    if (this.holder !== ticket) return;
    this.silicon = null;
    this.next();
  }

  private listFor(sharer: Sharer, state: unknown) {
    const windows = this.model.windows(state, this.bounds);
    sharer.opened.push(...windows.filter(({ direction }) => direction === 'write'));
    return { state: state as Record<string, unknown>, hooks: this.model.hooks(state), windows };
  }
}

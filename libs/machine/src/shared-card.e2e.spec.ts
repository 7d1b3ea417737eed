import type { CardModel } from '@v3vee/contracts';
import { modelOf } from '@v3vee/device-models';
import { Guests, sh } from './testing/guests.fixture';
import { ensureTemplate } from './template/template';
import type { FromSharedCard, Guest } from './index';

/**
 * Two real guests share one physical card, a third has one of its own on the same segment. The VMM's part, which hands
 * the card over, and the DMM's, which decides, are a few lines here: what is tested is what happens in the guests'
 * threads, with Debian's unmodified drivers.
 */

const DRIVERS = { ne2000: 'ne2k-pci', rtl8139: '8139too', 'rtl8139c+': '8139cp' } as const;
const FILE = 512 << 10;
/** How long a guest keeps the card when the other one waits. */
const SLICE_MS = 5;
const macOf = (index: number) => `02:00:00:00:09:0${index}`;
const ipOf = (index: number) => `10.9.0.${index + 1}`;

/** One card, its guests, and the segment that it and the third guest's card are plugged into. */
class Segment {
  readonly word = new SharedArrayBuffer(4);
  private readonly owner = new Int32Array(this.word);
  private readonly sharers = new Map<number, Guest>();
  private silicon: Extract<FromSharedCard, { kind: 'released' }>['silicon'] | null = null;
  private holder = 0;
  private readonly waiting: number[] = [];
  private readonly states = new Map<number, Record<string, unknown>>();
  private sliceIsOver = false;
  switches = 0;
  forced = 0;
  private readonly ports = new Map<string, Guest>();

  constructor(private readonly model: CardModel) {}

  plug(guest: Guest, index: number): void {
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

  share(guest: Guest, ticket: number): void {
    this.sharers.set(ticket, guest);
    guest.onSharedCard((_, message) => this.told(ticket, message));
  }

  private told(ticket: number, message: FromSharedCard): void {
    const guest = this.sharers.get(ticket)!;
    switch (message.kind) {
      case 'wish':
        this.states.set(ticket, message.state);
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
        this.states.set(ticket, message.context.state as Record<string, unknown>);
        if (message.forced) this.forced++;
        return this.next();
      case 'exit': {
        const model = modelOf(this.model);
        const bounds = { memorySize: 64 << 20 };
        const { state } = model.observe(model.checkState(message.state), message.access, bounds);
        return guest.tellSharedCard(0, {
          ...{ kind: 'verdict', sequence: message.sequence, verdict: 'proceed', reason: '' },
          state: state as Record<string, unknown>,
          hooks: model.hooks(state),
          windows: model.windows(state, bounds),
        });
      }
      case 'violation':
        return guest.tellSharedCard(0, {
          ...{ kind: 'verdict', sequence: message.sequence, verdict: 'stop', reason: 'not in this test' },
        });
    }
  }

  private next(): void {
    const ticket = this.waiting.shift() ?? 0;
    Atomics.store(this.owner, 0, ticket);
    this.holder = ticket;
    if (ticket === 0) return;
    this.switches++;
    this.sliceIsOver = false;
    const model = modelOf(this.model);
    const state = model.checkState(this.states.get(ticket));
    this.sharers.get(ticket)!.tellSharedCard(0, {
      ...{ kind: 'grant', silicon: this.silicon, hooks: model.hooks(state) },
      windows: model.windows(state, { memorySize: 64 << 20 }),
    });
  }

  private callBack(): void {
    if (!this.sliceIsOver || this.waiting.length === 0) return;
    Atomics.store(this.owner, 0, -this.holder);
    this.sharers.get(this.holder)!.tellSharedCard(0, { kind: 'recall', force: false });
  }
}

describe.each(Object.keys(DRIVERS) as CardModel[])('a %s shared by two guests', model => {
  let guests: Guests;
  let segment: Segment;
  let all: Guest[];

  const start = async (index: number): Promise<Guest> => {
    const shared = index < 2;
    const source = { ...guests.template, nicCount: 0, cards: [{ model, shared }] };
    const sharing = shared ? ({ access: 'vpio', word: segment.word, ticket: index + 1 } as const) : undefined;
    const guest = await guests.create(index, { nics: [], cards: [{ model, mac: macOf(index), sharing }] });
    if (shared) segment.share(guest, index + 1);
    segment.plug(guest, index);
    await guest.load(await ensureTemplate(source));
    await guest.run();
    await guest.config.configure({
      hostname: `vm${index}`,
      nics: [{ mac: macOf(index), cidr: `${ipOf(index)}/24`, mtu: 1500, driver: DRIVERS[model] }],
    });
    return guest;
  };
  beforeAll(async () => {
    guests = await Guests.prepare();
    segment = new Segment(model);
    all = [await start(0), await start(1), await start(2)];
  });
  afterAll(() => guests.stop());

  it('gives both their pings, and both their downloads with the right SHA-256', async () => {
    const [a, b, server] = all as [Guest, Guest, Guest];
    for (const guest of [a, b]) {
      expect(await sh(guest, `ping -c 5 -i 0.2 -W 10 ${ipOf(2)}`)).toContain('5 packets received');
    }
    const sum = await sh(
      server,
      `mkdir -p /www; cd /www; head -c ${FILE} /dev/urandom > f; httpd -h . && sha256sum f | cut -c1-64`,
    );
    const before = segment.switches;
    const got = await Promise.all(
      [a, b].map(guest => sh(guest, `wget -q -O - http://${ipOf(2)}/f | sha256sum | cut -c1-64`, 240_000)),
    );
    expect(got).toEqual([sum, sum]);
    expect(segment.switches).toBeGreaterThan(before);
    expect(segment.forced).toBe(0);
  }, 300_000);

  it('lets the two talk to each other through it', async () => {
    expect(await sh(all[0]!, `ping -c 3 -i 0.2 -W 10 ${ipOf(1)}`)).toContain('3 packets received');
  });

  it('needs the VMM for at most one access in 30', async () => {
    const accesses = async (guest: Guest) => {
      const { registers, frames } = (await guest.telemetry()).cards[0]!;
      const sum = (of: 'open' | 'shadow' | 'exit') => registers.reduce((total, row) => total + row[of], 0);
      const hooked = sum('shadow') + sum('exit');
      return { hooked, all: hooked + sum('open'), frames };
    };
    for (const guest of all.slice(0, 2)) {
      const before = await accesses(guest);
      await sh(
        guest,
        `ping -c 20 -i 0.05 -W 10 ${ipOf(2)}; wget -q -O /dev/null http://${ipOf(2)}/f`,
        240_000,
      );
      const after = await accesses(guest);
      expect(after.hooked - before.hooked).toBeLessThanOrEqual((after.all - before.all) / 30);
      expect(after.frames).toMatchObject({ dropped: 0, spoofed: 0 });
    }
  });

  it('goes on after a save and restore of a guest that had it', async () => {
    const [a] = all as [Guest];
    await sh(a, `ping -c 1 -W 10 ${ipOf(2)}`);
    await a.pause();
    const state = await a.save();
    await a.load(state);
    await a.run();
    expect(await sh(a, `ping -c 3 -i 0.2 -W 10 ${ipOf(2)}`)).toContain('3 packets received');
  });
});

import { modelOf } from '@v3vee/device-models';
import { LinearMemory, Rtl8139 } from '@v3vee/devices';
import type { Card } from '../cards';
import type { FromSharedCard, ToSharedCard } from './messages';
import { SharedCard } from './shared-card';

const MEMORY = 1 << 20;
const MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);
const model = modelOf('rtl8139');
const [TSD0, TSAD0, CR] = [0x10, 0x20, 0x37];
const TRANSMITTER_ON = 0x04;

/** A guest with a real card and the model's own judgement; whoever gives the card does so when it is waited for. */
class Rig {
  readonly sent: Uint8Array[] = [];
  readonly told: FromSharedCard[] = [];
  lineUp = false;
  readonly card: SharedCard;
  private readonly word = new SharedArrayBuffer(4);
  private silicon: Extract<ToSharedCard, { kind: 'grant' }>['silicon'] = null;

  constructor() {
    const buffer = new ArrayBuffer(MEMORY);
    const memory = new LinearMemory(() => buffer, 0, MEMORY);
    const interrupt = { raise: () => void (this.lineUp = true), lower: () => void (this.lineUp = false) };
    const line = { transmit: (frame: Uint8Array) => void this.sent.push(frame) };
    this.card = new SharedCard({
      ...{ name: 'card', mac: MAC, model, memory, interrupt },
      sharing: { access: 'vpio', word: this.word, ticket: 1 },
      host: { post: message => void this.told.push(message), block: done => this.answerUntil(done) },
      hardware: ({ interrupt, ...options }): Card =>
        new Rtl8139('card', { mac: MAC, model: 'C', line, ...options }, memory, interrupt),
    });
    this.card.setBusMaster(true);
  }

  kinds(): string[] {
    return this.told.splice(0).map(({ kind }) => kind);
  }

  /** The list is that of a state, as the DMM makes it of the wish that it heard. */
  grant(state: unknown): void {
    new Int32Array(this.word)[0] = 1;
    const checked = model.checkState(state) as Record<string, unknown>;
    const windows = model.windows(checked, { memorySize: MEMORY });
    const list = { state: checked, hooks: model.hooks(checked), windows };
    this.card.handle({ kind: 'grant', silicon: this.silicon, ...list });
    this.card.settled();
  }

  /** As drivers do at their start, until TSD needs no exit any more. */
  settle(address: number): void {
    this.card.write(CR, 1, TRANSMITTER_ON);
    for (let n = 0; n < 4; n++) this.card.write(TSAD0 + 4 * n, 4, address + 0x2000 * n);
    for (let turn = 0; turn < 8; turn++) this.send(turn % 4);
    this.kinds();
    this.send(0);
    this.send(1);
    expect(this.kinds()).toEqual([]);
    for (let turn = 2; turn < 4; turn++) this.send(turn);
  }

  send(n: number): void {
    this.card.write(TSD0 + 4 * n, 4, 60);
  }

  private answerUntil(done: () => boolean): void {
    for (let at = this.told.length - 1; !done(); at++) {
      const message = this.told[at];
      if (!message) throw new Error('the guest waits for ever');
      if (message.kind === 'wish') this.grant(message.state);
      if (message.kind === 'released') this.silicon = message.silicon;
      if (message.kind !== 'exit') continue;
      const bounds = { memorySize: MEMORY };
      const state = model.observe(model.checkState(message.state), message.access, bounds).state;
      this.card.handle({
        ...{ kind: 'verdict', sequence: message.sequence, verdict: 'proceed', reason: '' },
        state: state as Record<string, unknown>,
        ...{ hooks: model.hooks(state), windows: model.windows(state, bounds) },
      });
    }
  }
}

describe('a guest that has the card', () => {
  it('and is reset gives it back, and has it as after power-on when it needs it again', () => {
    const rig = new Rig();
    rig.settle(0x10000);
    rig.card.reset();
    expect(rig.kinds()).toEqual(['released']);
    expect(rig.card.read(TSAD0, 4)).toBe(0);
    expect(rig.kinds()).toEqual(['wish', 'granted']);
    rig.send(0);
    expect(rig.kinds()).toEqual(['exit']);
  });

  it('and is restored asks for it with what it knew then: hooks and windows are of that', () => {
    const rig = new Rig();
    rig.card.write(CR, 1, TRANSMITTER_ON);
    rig.card.write(TSAD0, 4, 0x80000);
    const early = structuredClone(rig.card.save());
    rig.settle(0x10000);
    const sent = rig.sent.length;
    expect(sent).toBeGreaterThan(0);
    rig.card.restore(early);
    const context = model.checkContext(early.context);
    expect(rig.told.splice(0)).toMatchObject([{ kind: 'released', context, forced: false }]);
    rig.send(0); // a window at its old place would deny this
    expect(rig.kinds()).toEqual(['wish', 'granted', 'exit']);
    expect(rig.sent.length).toBe(sent + 1);
    expect(rig.card.account({ held: 0, dropped: 0 }).denied).toBe(0);
  });

  it('goes on with it after it was saved', () => {
    const rig = new Rig();
    rig.settle(0x10000);
    rig.card.save();
    rig.send(0);
    expect(rig.kinds()).toEqual([]);
  });
});

it('a grant for what a guest was before it was restored is given back, and the card asked for again', () => {
  const rig = new Rig();
  rig.settle(0x10000);
  const late = structuredClone(rig.card.save());
  rig.card.reset();
  expect(rig.card.ready()).toBe(false); // a frame waits
  const [, wish] = rig.told.splice(0);
  expect(wish).toMatchObject({ kind: 'wish', why: 'frame' });
  rig.card.restore(late);
  rig.grant((wish as Extract<FromSharedCard, { kind: 'wish' }>).state);
  expect(rig.kinds()).toEqual(['released']);
  expect(rig.card.ready()).toBe(false);
  expect(rig.told.splice(0)).toMatchObject([{ kind: 'wish', state: model.checkState(late.context!.state) }]);
  rig.grant(late.context!.state);
  expect(rig.card.ready()).toBe(true);
});

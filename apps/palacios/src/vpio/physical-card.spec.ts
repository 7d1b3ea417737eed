import type { DeviceContext } from '@v3vee/device-models';
import type { FromSharedCard, ToSharedCard } from '@v3vee/machine';
import { PhysicalCard, type CardGuest, type Questions, type Seat } from './physical-card';

const silicon = { version: 1 };
const context: DeviceContext = { model: 'ne2000', version: 1, registers: {}, virtual: [], state: {} };
const options = { reusableMs: 20, hooks: [], windows: [] };

/** A guest's thread that does as it is told, or not. */
class ScriptedThread {
  readonly heard: ToSharedCard[] = [];
  deaf = false;

  constructor(
    private readonly card: PhysicalCard,
    readonly seat: Seat,
    private readonly obeys: 'at once' | 'by force' = 'at once',
  ) {
    card.attach(seat, { tell: message => this.told(message), account: async () => null });
  }

  private told(message: ToSharedCard): void {
    this.heard.push(message);
    if (this.deaf) return;
    if (message.kind === 'grant') this.say({ kind: 'granted' });
    if (message.kind === 'recall' && (message.force || this.obeys === 'at once')) {
      this.say({ kind: 'released', silicon, context, forced: message.force });
    }
  }

  say(message: FromSharedCard): void {
    queueMicrotask(() => this.card.received(this.seat, message));
  }
}

function rig() {
  const asked: string[] = [];
  const note = (what: string) => (seat: Seat) => void asked.push(`${what} ${seat.guest.vmId}`);
  const questions: Questions = {
    wish: note('wish'),
    satisfied: note('satisfied'),
    exit: note('exit'),
    violation: note('violation'),
    left: note('left'),
    trace: note('trace'),
  };
  const card = new PhysicalCard('eth0', 'ne2000', questions);
  const guest = (vmId: string, access: CardGuest['access'] = 'vpio'): CardGuest => ({
    ...{ vmId, epoch: 1, memorySize: 64 << 20, access },
  });
  const join = (vmId: string, obeys?: 'by force') => new ScriptedThread(card, card.seat(guest(vmId)), obeys);
  const word = (thread: ScriptedThread) => new Int32Array(card.sharing(thread.seat)!.word)[0];
  return { card, asked, guest, join, word };
}

const state = { tbcr: 60 };
const to = (vmId: string) => ({ vmId, epoch: 1, state });
const named = (vmId: string) => ({ vmId, epoch: 1 });

it('hands the card over with what its last holder left in it, and keeps the context', async () => {
  const { card, join, word } = rig();
  const [a, b] = [join('a'), join('b')];
  expect(await card.switch(to('a'), options)).toMatchObject({ forced: false, saved: null });
  expect(a.heard).toEqual([{ kind: 'grant', silicon: null, state, hooks: [], windows: [] }]);
  expect(word(a)).toBe(a.seat.ticket);
  const result = await card.switch(to('b'), options);
  expect(result).toMatchObject({ forced: false, saved: { vmId: 'a', epoch: 1 } });
  expect(b.heard).toEqual([{ kind: 'grant', silicon, state, hooks: [], windows: [] }]);
  expect(word(a)).toBe(b.seat.ticket);
  expect((await card.inventory()).holder).toEqual(named('b'));
});

it('is free once its guest was reset or restored, and keeps what that left in it', async () => {
  const { card, join, word, asked } = rig();
  const [a, b] = [join('a'), join('b')];
  a.say({ kind: 'wish', why: 'access', state });
  await card.switch(to('a'), options);
  a.say({ kind: 'released', silicon, context: null, forced: false });
  await card.switch(to('b'), options);
  expect(asked).toContain('left a');
  expect(a.heard.map(({ kind }) => kind)).toEqual(['grant']); // there was nothing to call back
  expect(b.heard).toMatchObject([{ kind: 'grant', silicon }]);
  expect(word(b)).toBe(b.seat.ticket);
  expect((await card.inventory()).account.switches.count).toBe(0);
  card.leave(a.seat);
  expect(asked.filter(what => what === 'left a')).toHaveLength(1);
});

it('goes on when it is given back at once, since its guest is not what it was when it asked', async () => {
  const { card, join } = rig();
  const a = join('a');
  a.deaf = true;
  const switched = card.switch(to('a'), options);
  a.say({ kind: 'released', silicon, context: null, forced: false });
  await switched;
  expect(await card.inventory()).toMatchObject({ holder: null, use: null });
});

it('says how its holder uses it, as the DMM said last', async () => {
  const { card, join } = rig();
  const a = join('a');
  a.say({ kind: 'wish', why: 'access', state });
  await card.switch(to('a'), options);
  const use = { access: 'vpio', memorySize: 64 << 20 };
  expect((await card.inventory()).use).toEqual({ ...use, state });
  const access = { direction: 'write', offset: 1, size: 1, value: 0x4c, page: 0 } as const;
  a.say({ kind: 'exit', sequence: 1, access, state: { tbcr: 61 } });
  await card.switch(to('a'), options);
  expect((await card.inventory()).use).toEqual({ ...use, state: { tbcr: 61 } });
});

it('takes it by force from a guest that does not become reusable, and says so', async () => {
  const { card, join } = rig();
  const a = join('a', 'by force');
  join('b');
  await card.switch(to('a'), options);
  expect(await card.switch(to('b'), options)).toMatchObject({ forced: true, saved: { vmId: 'a' } });
  expect(a.heard.slice(1)).toEqual([
    { kind: 'recall', force: false },
    { kind: 'recall', force: true },
  ]);
  expect((await card.inventory()).account).toMatchObject({ forced: 1, switches: { count: 1 } });
});

it('resets the card when its holder goes, also in the middle of a switch', async () => {
  const { card, join, word, asked } = rig();
  const [a, b, c] = [join('a'), join('b'), join('c')];
  await card.switch(to('a'), options);
  a.deaf = true;
  const switched = card.switch(to('b'), { ...options, reusableMs: 60_000 });
  card.leave(a.seat);
  expect(await switched).toMatchObject({ saved: null });
  expect(b.heard).toEqual([{ kind: 'grant', silicon: null, state, hooks: [], windows: [] }]);
  card.leave(b.seat);
  expect(word(c)).toBe(0);
  expect(asked).toEqual(expect.arrayContaining(['left a', 'left b']));
  await expect(card.switch(to('b'), options)).rejects.toMatchObject({ code: 'VM_NOT_FOUND' });
});

it('leaves the card where it is when its next guest is not there', async () => {
  const { card, join, word } = rig();
  const a = join('a');
  await card.switch(to('a'), options);
  await expect(card.switch(to('x'), options)).rejects.toMatchObject({ code: 'VM_NOT_FOUND' });
  await expect(card.switch({ ...to('a'), epoch: 2 }, options)).rejects.toMatchObject({
    code: 'VM_NOT_FOUND',
  });
  expect(word(a)).toBe(a.seat.ticket);
  expect(a.heard).toHaveLength(1);
});

it('is one VM’s alone when it is passed through', () => {
  const { card, guest } = rig();
  const seat = card.seat(guest('a', 'passthrough'));
  expect(card.sharing(seat)).toBeUndefined();
  expect(() => card.seat(guest('b'))).toThrow(/is used by VM a \(passthrough\)/);
  card.seat(guest('a', 'passthrough')); // the machine that takes this one's place
  card.leave(seat);
  expect(() => card.seat(guest('b'))).toThrow(/is used by VM a/);
});

import type { SharedCardAccount, ToSharedCard } from '@v3vee/machine';
import { Registry } from 'prom-client';
import { PhysicalCard, type Questions, type Seat } from '../vpio/physical-card';
import { VpioMetrics } from './vpio-metrics';

const account = (more: Partial<SharedCardAccount> = {}): SharedCardAccount => ({
  registers: [
    { register: 'ISR', direction: 'read', open: 60, shadow: 0, exit: 0 },
    { register: 'TBCR0', direction: 'write', open: 0, shadow: 5, exit: 1 },
  ],
  ...{ exits: 2, exitMs: [1, 2], exitsMs: 3, interrupts: 7, denied: 1 },
  frames: { received: 5, transmitted: 6, held: 2, dropped: 3, spoofed: 4 },
  ...more,
});
const context = { model: 'ne2000', version: 1, registers: {}, virtual: [], state: {} } as const;

/** A card with two guests that obey at once, and what Prometheus reads. */
function rig() {
  const nothing = () => undefined;
  const questions: Questions = {
    ...{ wish: nothing, satisfied: nothing, exit: nothing },
    ...{ violation: nothing, left: nothing, trace: nothing },
  };
  const card = new PhysicalCard('eth0', 'ne2000', questions);
  let asked = 0;
  const join = (vmId: string): Seat => {
    const seat = card.seat({ vmId, epoch: 1, memorySize: 64 << 20, access: 'vpio' });
    const obey = ({ kind }: ToSharedCard) => {
      if (kind === 'grant') card.received(seat, { kind: 'granted' });
      if (kind !== 'recall') return;
      card.received(seat, {
        kind: 'released',
        silicon: { version: 1 },
        context: { ...context, virtual: [] },
        forced: false,
      });
    };
    card.attach(seat, {
      tell: message => queueMicrotask(() => obey(message)),
      account: async () => (asked++, account()),
    });
    return seat;
  };
  const registry = new Registry();
  const figures = async () => [{ nic: card.nic, figures: await card.figures() }];
  new VpioMetrics({ registry, host: 'alpha', figures });
  const read = async () => {
    const lines = (await registry.metrics()).split('\n').filter(line => line.startsWith('v3_vpio_'));
    return Object.fromEntries(
      lines.map(line => [line.slice(8, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
    );
  };
  return { card, join, read, asked: () => asked };
}

it('sums up what the guests of a card did, by class of access', async () => {
  const { card, join, read } = rig();
  const [a] = [join('a'), join('b')];
  const to = (vmId: string) => ({ vmId, epoch: 1, state: {} });
  const options = { reusableMs: 1_000, hooks: [], windows: [] };
  await card.switch(to('a'), options);
  await card.switch(to('b'), options);
  const found = await read();
  const of = (name: string, labels = '') => found[`${name}{device="alpha/eth0"${labels}}`];
  expect(of('accesses_total', ',direction="read",class="open"')).toBe(120);
  expect(of('accesses_total', ',direction="write",class="shadow"')).toBe(10);
  expect(of('accesses_total', ',direction="write",class="exit"')).toBe(2);
  expect([of('exits_total'), of('exit_seconds_total')]).toEqual([4, 0.006]);
  expect([of('switches_total'), of('switches_forced_total')]).toEqual([1, 0]);
  expect(of('switch_seconds_total')).toBeGreaterThan(0);
  expect([of('interrupts_total'), of('dma_denied_total'), of('frames_held')]).toEqual([14, 2, 4]);
  expect([of('frames_total', ',direction="receive"'), of('frames_total', ',direction="transmit"')]).toEqual([
    10, 12,
  ]);
  expect([
    of('frames_dropped_total', ',reason="full"'),
    of('frames_dropped_total', ',reason="spoofed"'),
  ]).toEqual([6, 8]);
  // What a guest did that is gone stays counted; nothing waits for it any more.
  card.leave(a!);
  const after = await read();
  expect(after['exits_total{device="alpha/eth0"}']).toBe(4);
  expect(after['frames_held{device="alpha/eth0"}']).toBe(2);
});

it('asks each guest once for a scrape', async () => {
  const { join, read, asked } = rig();
  join('a');
  await read();
  expect(asked()).toBe(1);
});

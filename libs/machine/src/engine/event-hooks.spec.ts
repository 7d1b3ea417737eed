import { EventHooks } from './event-hooks';

it('gives an interrupt line to its one hook, which may keep it from the guest', () => {
  const events = new EventHooks();
  const seen: number[] = [];
  const unhook = events.interrupt(5, irq => seen.push(irq) > 1);
  expect([events.raised(5), events.raised(5), events.raised(4)]).toEqual([true, false, true]);
  expect(() => events.interrupt(5, () => undefined)).toThrow('interrupt line 5 has a hook already');
  expect(() => events.interrupt(16, () => undefined)).toThrow('there is no interrupt line 16');
  unhook();
  expect(events.raised(5)).toBe(true);
  expect(seen).toEqual([5, 5]);
});

it('calls timers by guest time, and does not make up for what was missed', () => {
  const events = new EventHooks();
  const seen: number[] = [];
  const stop = events.timer(10, now => void seen.push(now));
  for (const now of [100, 109, 110, 111, 150, 159, 160]) events.timePassed(now);
  stop();
  events.timePassed(500);
  expect(seen).toEqual([110, 150, 160]);
  expect(() => events.timer(0, () => undefined)).toThrow('a timer’s period'.replace('’', "'"));
});

it('offers an event to each hook until one takes it', () => {
  const events = new EventHooks();
  const seen: string[] = [];
  const typed = (text: string) => ({ kind: 'serial', data: Buffer.from(text) }) as const;
  events.hostEvent('serial', event => {
    seen.push('first');
    return event.kind === 'serial' && event.data[0] === 0x21;
  });
  const unhook = events.hostEvent('serial', () => void seen.push('second'));
  expect([events.deliver(typed('a')), events.deliver(typed('!'))]).toEqual([false, true]);
  unhook();
  events.deliver(typed('b'));
  events.deliver({ kind: 'mouse', dx: 1, dy: 0, buttons: 0 });
  expect(seen).toEqual(['first', 'second', 'first', 'first']);
});

it('tells an extension of a VM’s life, also one that comes late, and nobody twice', () => {
  const events = new EventHooks();
  const log: string[] = [];
  const told = (name: string) => ({
    name,
    initVm: () => void log.push(`${name} init`),
    initCore: (core: number) => void log.push(`${name} core ${core}`),
    onEntry: () => void log.push(`${name} entry`),
    onExit: () => void log.push(`${name} exit`),
    deinitCore: () => void log.push(`${name} core ends`),
    deinitVm: () => void log.push(`${name} ends`),
  });
  events.extension(told('a'));
  events.extension({ name: 'asks for nothing' });
  events.entering();
  events.leaving();
  const unhook = events.extension(told('b'));
  events.entering();
  unhook();
  events.end();
  events.end();
  expect(log).toEqual([
    ...['a init', 'a core 0', 'a entry', 'a exit', 'b init', 'b core 0'],
    ...['a entry', 'b entry', 'a core ends', 'a ends'],
  ]);
});

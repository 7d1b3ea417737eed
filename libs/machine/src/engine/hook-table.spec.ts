import { DeviceFault, type IoHandler } from '@v3vee/devices';
import { HookTable } from './hook-table';

const device = (name = 'card'): IoHandler & { log: string[] } => {
  const log: string[] = [];
  return {
    name,
    log,
    read: (offset, size) => {
      log.push(`in ${offset}/${size}`);
      return 0x5a;
    },
    write: (offset, size, value) => void log.push(`out ${offset}/${size}=${value}`),
  };
};

it('gives accesses to the device that hooked the port, relative to its base', () => {
  const hooks = new HookTable();
  const card = device();
  hooks.hookIo(0xd000, 0x20, card);
  expect(hooks.read(0xd004, 2)).toBe(0x5a);
  expect(hooks.write(0xd01e, 1, 7)).toBe(true);
  expect(card.log).toEqual(['in 4/4', 'out 30/2=7']);
});

it('leaves ports that nobody hooked to the chipset', () => {
  const hooks = new HookTable();
  expect(hooks.read(0x60, 0)).toBeUndefined();
  expect(hooks.write(0x60, 0, 1)).toBe(false);
});

it('follows a device that is moved, also onto the ports of another', () => {
  const hooks = new HookTable();
  const [first, second] = [device('first'), device('second')];
  const id = hooks.hookIo(0xd000, 0x10, first);
  hooks.hookIo(0xe000, 0x10, second);
  hooks.moveIo(id, 0xff08); // where a driver that sizes the BAR parks it for a moment; past the last port
  expect(hooks.read(0xd000, 0)).toBeUndefined();
  expect(hooks.read(0xff08, 0)).toBe(0x5a);
  hooks.moveIo(id, 0xe000);
  hooks.moveIo(id, 0xd000);
  hooks.read(0xe000, 0);
  expect(second.log).toEqual(['in 0/1']);
});

it('unhooks', () => {
  const hooks = new HookTable();
  const id = hooks.hookIo(0xd000, 0x10, device());
  hooks.unhookIo(id);
  expect(hooks.isHooked(0xd000)).toBe(false);
  expect(hooks.hookIo(0xd000, 0x10, device())).toBe(id);
});

it('stops the VM at an access that runs past the end of a device', () => {
  const hooks = new HookTable();
  hooks.hookIo(0xd000, 0x10, device());
  expect(() => hooks.read(0xd00e, 2)).toThrow(DeviceFault);
});

it('counts every access by port, direction and width', () => {
  const hooks = new HookTable();
  hooks.hookIo(0xd000, 0x10, device());
  for (let i = 0; i < 3; i++) hooks.read(0x60, 0);
  hooks.write(0x60, 0, 1);
  hooks.write(0xd000, 2, 1);
  hooks.write(0xd000, 2, 1);
  expect(hooks.portCounts()).toEqual([
    { port: 0x60, direction: 'in', size: 1, count: 3 },
    { port: 0xd000, direction: 'out', size: 4, count: 2 },
    { port: 0x60, direction: 'out', size: 1, count: 1 },
  ]);
});

it('has one hook per port, also where the hook says that it passes through', () => {
  const hooks = new HookTable();
  hooks.hookIo(0xd000, 0x10, device('first'));
  const through = hooks.hookIo(0x80, 1, null);
  expect(() => hooks.hookIo(0xd00f, 1, device())).toThrow('ports from 0xd00f are hooked by first');
  expect(() => hooks.hookIo(0x7f, 2, device())).toThrow('one that passes through');
  expect([hooks.read(0x80, 0), hooks.write(0x80, 0, 1)]).toEqual([undefined, false]);
  hooks.unhookIo(through);
  expect(hooks.hookIo(0x7f, 2, device())).toBe(through);
});

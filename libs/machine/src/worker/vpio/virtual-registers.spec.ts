import type { VirtualRegister } from '@v3vee/device-models';
import { VirtualRegisters } from './virtual-registers';

const sticky = (value: number): VirtualRegister => ({
  kind: 'sticky',
  offset: 0x3e,
  size: 2,
  page: 0,
  value,
});
const fixed = (rest: Partial<VirtualRegister> = {}): VirtualRegister => ({
  ...{ kind: 'fixed', offset: 0x10, size: 4, page: 0, value: 0x8a042 },
  ...rest,
});

it('adds interrupts that are still to be acknowledged, at every width, until they are', () => {
  const virtual = new VirtualRegisters([sticky(0x4005)]);
  expect(virtual.read(0, 0x3e, 2, 0x10)).toBe(0x4015);
  expect(virtual.read(0, 0x3e, 1, 0)).toBe(0x05);
  expect(virtual.read(0, 0x3f, 1, 0)).toBe(0x40);
  expect(virtual.read(0, 0x3c, 4, 0xffff)).toBe(0x4005ffff);
  expect(virtual.read(1, 0x3e, 2, 0)).toBe(0);
  virtual.written(0, 0x3e, 2, 0x0004);
  expect(virtual.sticky(0x3e)).toBe(0x4001);
  virtual.written(0, 0x3c, 4, 0x0001ffff);
  virtual.written(0, 0x3f, 1, 0x40);
  expect(virtual.any).toBe(false);
});

it('answers for a register until the guest makes it true', () => {
  const virtual = new VirtualRegisters([fixed()]);
  expect(virtual.read(0, 0x10, 4, 0x2000)).toBe(0x8a042);
  expect(virtual.read(0, 0x11, 1, 0)).toBe(0xa0);
  virtual.written(0, 0x14, 4, 1);
  expect(virtual.any).toBe(true);
  virtual.written(0, 0x12, 1, 0);
  expect(virtual.any).toBe(false);
});

it('ends with the writes that its model names, and no others', () => {
  const until = [{ offset: 0, length: 1, mask: 0x04, equals: [0x04] }];
  const virtual = new VirtualRegisters([fixed({ until })]);
  virtual.written(0, 0, 1, 0x22);
  virtual.written(0, 0x10, 4, 0);
  expect(virtual.any).toBe(true);
  virtual.written(0, 0, 1, 0x26);
  expect(virtual.any).toBe(false);
});

it('goes into the next context with what that says', () => {
  const virtual = new VirtualRegisters([sticky(0x4), fixed()]);
  const fresh = [sticky(0x1), fixed({ value: 7 }), fixed({ offset: 0x14, value: 9 })];
  expect(virtual.mergedInto(fresh)).toEqual([sticky(0x5), fixed(), fixed({ offset: 0x14, value: 9 })]);
  expect(virtual.mergedInto([])).toEqual([sticky(0x4), fixed()]);
});

import { InterruptDeferral } from './interrupt-deferral';
import type { V86Cpu } from './v86-internals';

const ON = 0x202;

function rig() {
  const seen: [irq: number, flags: number][] = [];
  const flags = Int32Array.of(ON);
  const cpu = { flags, device_raise_irq: (irq: number) => void seen.push([irq, flags[0]!]) };
  const deferral = new InterruptDeferral(cpu as unknown as V86Cpu);
  return { seen, flags, cpu, deferral };
}

it('lets the engine take interrupts between instructions, and not within', () => {
  const { seen, flags, cpu, deferral } = rig();
  cpu.device_raise_irq(5);
  const result = deferral.during(() => {
    cpu.device_raise_irq(10);
    deferral.during(() => cpu.device_raise_irq(11));
    cpu.device_raise_irq(12);
    return 'done';
  });
  cpu.device_raise_irq(6);
  expect(result).toBe('done');
  expect(seen).toEqual([
    [5, ON],
    [10, 2],
    [11, 2],
    [12, 2],
    [6, ON],
  ]);
  expect(flags[0]).toBe(ON);
});

it('is over when an access fails', () => {
  const { seen, cpu, deferral } = rig();
  expect(() =>
    deferral.during(() => {
      throw new Error('fault');
    }),
  ).toThrow('fault');
  cpu.device_raise_irq(5);
  expect(seen).toEqual([[5, ON]]);
});

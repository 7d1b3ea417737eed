import { serialize } from 'node:v8';
import { modelOf, type DeviceAtRest } from '@v3vee/device-models';
import { Ne2000 } from '@v3vee/devices';

/** As a host sends it: what the model saves of a real NE2000 after power-on, with some registers changed. */
export function savedContext(registers: Record<string, number> = {}): { bytes: number; context: string } {
  const wire = { transmit: () => undefined };
  const line = { raise: () => undefined, lower: () => undefined };
  const card = new Ne2000('eth0', { mac: Uint8Array.of(2, 0, 0, 0, 0, 1), line: wire }, line);
  const model = modelOf('ne2000');
  const atRest = {
    registers: {
      read: (offset: number, size: number) => card.read(offset, size),
      write: (offset: number, size: number, value: number) => card.write(offset, size, value),
    },
  } as DeviceAtRest;
  model.restore(atRest, null);
  const context = model.save(atRest, {}, model.initialState());
  const bytes = serialize({ ...context, registers: { ...context.registers, ...registers } });
  return { bytes: bytes.length, context: bytes.toString('base64') };
}

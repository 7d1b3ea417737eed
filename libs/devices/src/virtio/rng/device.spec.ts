import { TestDriver, TestLine, testMemory } from '../testing';
import { VirtioTransport } from '../transport/transport';
import { VirtioRng } from './device';

function started() {
  let next = 0;
  const memory = testMemory();
  const device = new VirtioRng(bytes => bytes.forEach((_, i) => (bytes[i] = ++next)));
  const line = new TestLine();
  const transport = new VirtioTransport('virtio-rng', device, memory, line);
  const driver = new TestDriver(transport, memory);
  driver.start([], [0]);
  return { memory, device, line, transport, driver };
}

describe('an entropy source', () => {
  it('fills what it is given, each with other bytes, and says how much', () => {
    const { driver, line, device } = started();
    const buffers = [driver.writable(4), driver.writable(64)];
    for (const buffer of buffers) driver.offer(0, [buffer]);
    driver.kick(0);
    expect(driver.used(0).map(({ written }) => written)).toEqual([4, 64]);
    expect(driver.bytes(buffers[0]!)).toEqual(Uint8Array.of(1, 2, 3, 4));
    expect(driver.bytes(buffers[1]!)[0]).toBe(5);
    expect(line.raised).toBe(1);
    expect(device.metrics()).toEqual({ requests: 2, bytes: 68 });
  });

  it('gives less than was asked for where that is too much', () => {
    const { driver } = started();
    driver.offer(0, [driver.writable(100_000)]);
    driver.kick(0);
    expect(driver.used(0)[0]!.written).toBe(64 << 10);
  });

  it('goes on from a saved state, and refuses one of another version', () => {
    const { driver, transport, memory } = started();
    const state = structuredClone(transport.save());
    const other = started();
    other.memory.bytes().set(memory.bytes());
    other.transport.restore(state);
    const moved = driver.moved(other.transport, other.memory);
    moved.offer(0, [moved.writable(8)]);
    moved.kick(0);
    expect(moved.used(0)[0]!.written).toBe(8);
    expect(() => transport.restore({ ...state, device: { version: 7 } })).toThrow('version 7');
  });
});
